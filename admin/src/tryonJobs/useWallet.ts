import type { RaRecord } from "react-admin";
import { useGetOne } from "react-admin";

import { useSession } from "../useSession.ts";
import { useJobScope } from "./useJobScope.ts";

type Wallet = RaRecord<string> & {
  remaining: number;
  held: number;
  proUntil?: string | null;
  nextReset?: string | null;
};

/** The wallet that pays what this person asks for; null for who may not see it. */
export const useWallet = () => {
  const { session, can } = useSession();
  const { eyes } = useJobScope();
  const owner = eyes === "brand" ? session.brand?.id : session.user?.id;
  const { data, isPending } = useGetOne<Wallet>(
    eyes === "brand" ? "brand_credits" : "user_credits",
    { id: owner ?? "" },
    {
      enabled:
        owner !== undefined && eyes !== "staff" && can("tryon_ledger", "list"),
      // A wallet nobody put a credit into is none: that is no error of the page.
      retry: false,
    },
  );
  return { wallet: data ?? null, isPending };
};
