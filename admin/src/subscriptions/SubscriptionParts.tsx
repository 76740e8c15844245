import Box from "@mui/material/Box";
import { useTranslate } from "react-admin";

import { RelativeTime } from "../components/RelativeTime.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { Subscription } from "./types.ts";
import { needsReview, statusTone } from "./types.ts";

/** Its status, and whatever puts its MRR in question. */
export const SubscriptionChips = ({
  subscription,
}: {
  subscription: Pick<
    Subscription,
    "status" | "isEnding" | "collectionPaused" | "mrrState"
  >;
}) => {
  const { status, isEnding, collectionPaused } = subscription;
  return (
    <Box sx={{ display: "flex", flexWrap: "wrap", gap: 0.5 }}>
      <StatusChip
        tone={statusTone(status)}
        label={`subscriptions.status.${status}`}
      />
      {isEnding && <StatusChip tone="warning" label="subscriptions.ending" />}
      {collectionPaused && (
        <StatusChip tone="warning" label="subscriptions.paused" />
      )}
      {needsReview(subscription) && (
        <StatusChip tone="error" label="subscriptions.review" />
      )}
    </Box>
  );
};

/** When it ended, or will. */
export const Ends = ({
  subscription,
  periodEnd = null,
}: {
  subscription: Pick<Subscription, "endedAt" | "cancelAt" | "isEnding">;
  /** The end of what is paid, where that is known. */
  periodEnd?: string | null;
}) => {
  const translate = useTranslate();
  const { endedAt, cancelAt, isEnding } = subscription;
  const at = endedAt ?? cancelAt ?? (isEnding ? periodEnd : null);
  if (at !== null) return <RelativeTime value={at} />;
  return (
    <span>{isEnding ? translate("subscriptions.ends_with_period") : "–"}</span>
  );
};
