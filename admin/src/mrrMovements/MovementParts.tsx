import SwapIcon from "@mui/icons-material/SwapHorizOutlined";
import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import Typography from "@mui/material/Typography";
import type { MouseEvent } from "react";
import { LinkBase, useLocale, useTranslate } from "react-admin";

import { Money } from "../components/Money.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import type { Tone } from "../components/StatusChip.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { MovementKind } from "../revenue/links.ts";
import { ownerLink } from "../revenue/links.ts";
import { dayText } from "../revenue/period.ts";
import type { AccountOf, Movement } from "./types.ts";
import { accountName, causeOf, eventIdOf, shortStripeId } from "./types.ts";

const tones: Readonly<Record<MovementKind, Tone>> = {
  new: "success",
  reactivation: "info",
  expansion: "success",
  contraction: "warning",
  churn: "error",
};

const still = (event: MouseEvent) => event.stopPropagation();

/** What kind of movement it is; of a transfer first that nothing was won or lost. */
export const KindChip = ({
  kind,
  isTransfer,
}: Pick<Movement, "kind" | "isTransfer">) => {
  const translate = useTranslate();
  return isTransfer ? (
    <StatusChip
      tone="quiet"
      icon={SwapIcon}
      label={translate("movements.transfer_of", {
        kind: translate(`revenue.kinds.${kind}`).toLowerCase(),
      })}
    />
  ) : (
    <StatusChip tone={tones[kind]} label={`revenue.kinds.${kind}`} />
  );
};

export const AccountLink = ({ of }: { of: AccountOf }) => {
  const translate = useTranslate();
  const to = ownerLink(of.account);
  const kind = of.account.split(":")[0] ?? "";
  return (
    <Box sx={{ minWidth: 140 }}>
      {to === null ? (
        accountName(of)
      ) : (
        <Link
          component={LinkBase}
          to={to}
          color="inherit"
          onClick={still}
          sx={{ fontWeight: 600, overflowWrap: "anywhere" }}
        >
          {accountName(of)}
        </Link>
      )}
      <Typography
        component="span"
        variant="caption"
        color="textSecondary"
        sx={{ display: "block" }}
      >
        {translate(`revenue.accounts.kind.${kind}`)}
      </Typography>
    </Box>
  );
};

/** The day in UTC, as periods go by, and how long ago that is. */
export const DayAndAge = ({ at }: { at: string }) => {
  const locale = useLocale();
  return (
    <Box sx={{ whiteSpace: "nowrap", fontVariantNumeric: "tabular-nums" }}>
      {dayText(new Date(at).toISOString().slice(0, 10), locale)}
      <Typography
        component="span"
        variant="caption"
        color="textSecondary"
        sx={{ display: "block" }}
      >
        <RelativeTime value={at} isPast />
      </Typography>
    </Box>
  );
};

export const BeforeAfter = ({
  beforeUsdMinor,
  afterUsdMinor,
}: Pick<Movement, "beforeUsdMinor" | "afterUsdMinor">) => (
  <Box component="span" sx={{ whiteSpace: "nowrap", color: "text.secondary" }}>
    <Money minor={beforeUsdMinor} currency="usd" /> →{" "}
    <Money minor={afterUsdMinor} currency="usd" />
  </Box>
);

/** What caused it: an event of Stripe that can be looked at, or a colleague. */
export const SourceLink = ({
  movement,
}: {
  movement: Pick<Movement, "sourceEventId">;
}) => {
  const translate = useTranslate();
  const eventId = eventIdOf(movement.sourceEventId);
  const cause = translate(`movements.cause.${causeOf(movement)}`);
  return eventId === null ? (
    <span>{cause}</span>
  ) : (
    <Link
      component={LinkBase}
      to={`/stripe_events/${encodeURIComponent(eventId)}/show`}
      color="inherit"
      onClick={still}
      sx={{ whiteSpace: "nowrap" }}
    >
      {cause}
    </Link>
  );
};

export const SubscriptionLink = ({ id }: { id: string | null }) =>
  id === null ? (
    <span>–</span>
  ) : (
    <Link
      component={LinkBase}
      to={`/stripe_subscriptions/${encodeURIComponent(id)}/show`}
      color="inherit"
      onClick={still}
      sx={{ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" }}
    >
      {shortStripeId(id)}
    </Link>
  );
