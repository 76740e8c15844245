import Alert from "@mui/material/Alert";
import LinearProgress from "@mui/material/LinearProgress";
import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useSearchParams } from "react-router";

import type { WalletOwner } from "../wallet/walletApi.ts";
import type { Return } from "./billingWords.ts";
import { parseReturn } from "./billingWords.ts";
import { Contact } from "./Contact.tsx";
import type { Before } from "./usePaying.ts";
import { forgetBefore, readBefore } from "./usePaying.ts";
import { useSay } from "./useSay.ts";

const EVERY_MS = 3_000;
const FOR_MS = 3 * 60_000;

/** Every query of this page, live or not: an event of Stripe may change them all. */
const SHOWN = new Set(["subscription_grants", "brand_credits", "user_credits"]);

/** Reads the page again for a while; true once that was in vain. */
const useReread = (isWaiting: boolean): boolean => {
  const client = useQueryClient();
  const [gaveUp, setGaveUp] = useState(false);
  useEffect(() => {
    if (!isWaiting) return undefined;
    const until = Date.now() + FOR_MS;
    const timer = setInterval(() => {
      if (Date.now() > until) {
        clearInterval(timer);
        setGaveUp(true);
        return;
      }
      void client.invalidateQueries({
        predicate: ({ queryKey: [name] }) => SHOWN.has(String(name)),
      });
    }, EVERY_MS);
    return () => clearInterval(timer);
  }, [client, isWaiting]);
  return gaveUp;
};

type Arrived = { words: string; credits: number } | null;

/** What is here now that was not when they left. */
export function arrivedSince(
  before: Before | null,
  now: { granted: number | null; plans: string | null },
): Arrived {
  if (before === null) return null;
  const more =
    before.granted !== null && now.granted !== null
      ? now.granted - before.granted
      : 0;
  if (before.kind === "credits") {
    return more > 0 ? { words: "credits_arrived", credits: more } : null;
  }
  return before.plans !== null &&
    now.plans !== null &&
    now.plans !== before.plans
    ? { words: "plan_arrived", credits: 0 }
    : null;
}

const greeting = (result: Return, before: Before | null): string =>
  result === "paid" && before !== null && before.kind !== "portal"
    ? `paid_${before.kind}`
    : result;

/**
 * After Stripe's page: what was chosen comes with its event, which this waits for.
 * The address alone grants nothing and proves nothing.
 */
export const ReturnNotice = ({
  owner,
  now,
  contact,
}: {
  owner: WalletOwner;
  now: { granted: number | null; plans: string | null };
  contact: string | null;
}) => {
  const { translate, count } = useSay();
  const [query, setQuery] = useSearchParams();
  const result = parseReturn(query.get("billing"));
  const [before] = useState(() => readBefore(owner));
  const arrived = arrivedSince(before, now);
  const isWaiting =
    result !== null && result !== "cancelled" && arrived === null;
  const gaveUp = useReread(isWaiting);
  if (result === null) return null;
  const close = () => {
    forgetBefore();
    setQuery({}, { replace: true });
  };
  const dismiss = {
    onClose: close,
    closeText: translate("app.close"),
    role: "status",
  } as const;
  if (arrived !== null) {
    return (
      <Alert severity="success" {...dismiss}>
        {translate(`billing.back.${arrived.words}`, {
          smart_count: arrived.credits,
          credits: count(arrived.credits),
        })}
      </Alert>
    );
  }
  if (gaveUp) {
    return (
      <Alert severity="warning" {...dismiss}>
        {contact === null ? (
          translate("billing.back.late_nobody")
        ) : (
          <>
            {translate("billing.back.late")} <Contact contact={contact} />
          </>
        )}
      </Alert>
    );
  }
  return (
    <Alert
      severity="info"
      sx={{ "& .MuiAlert-message": { flex: 1 } }}
      {...dismiss}
    >
      {translate(`billing.back.${greeting(result, before)}`)}
      {isWaiting && (
        <LinearProgress
          color="inherit"
          aria-label={translate("billing.back.waiting")}
          sx={{ mt: 1, borderRadius: 2 }}
        />
      )}
    </Alert>
  );
};
