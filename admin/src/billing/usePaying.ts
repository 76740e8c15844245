import { useMutation } from "@tanstack/react-query";
import { useEffect } from "react";
import { useDataProvider } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";
import type { WalletOwner } from "../wallet/walletApi.ts";
import { isOfBrand } from "../wallet/walletApi.ts";
import { httpsUrl } from "./billingWords.ts";

export type Order =
  | { kind: "credits"; priceId: string; quantity: number }
  | { kind: "plan"; priceId: string }
  | { kind: "portal" };

/** What was there before somebody left for Stripe's page. */
export type Before = {
  owner: string;
  kind: Order["kind"];
  /** Credits ever given to the wallet. */
  granted: number | null;
  /** See signatureOf. */
  plans: string | null;
};

const KEY = "closetai-billing";
const PATH = "/admin/billing";

export const ownerKey = (owner: WalletOwner): string =>
  isOfBrand(owner) ? `brand ${owner.brandId}` : `person ${owner.userId}`;

/** Only this tab remembers, and only to tell what has arrived since. */
export function readBefore(owner: WalletOwner): Before | null {
  const text = sessionStorage.getItem(KEY);
  if (text === null) return null;
  try {
    const before = JSON.parse(text) as Before | null;
    return before?.owner === ownerKey(owner) ? before : null;
  } catch (error) {
    // Not ours: then there is nothing to compare with, and the page only greets.
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

export const forgetBefore = (): void => sessionStorage.removeItem(KEY);

const FIELDS = {
  credits: "buyCredits",
  plan: "changePlan",
  portal: "openBillingPortal",
} as const;

/**
 * Asks the server for a page of Stripe and goes there. Nothing is granted here
 * nor by the way back: that comes with Stripe's event.
 */
export const usePaying = (
  owner: WalletOwner,
  known: Pick<Before, "granted" | "plans">,
) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  const mutation = useMutation({
    mutationFn: async ({ kind, ...input }: Order) => {
      const { url } = await dataProvider.mutate<{ url: string }>(
        FIELDS[kind],
        { ...input, returnPath: PATH },
        "url",
      );
      const address = httpsUrl(url);
      if (address === null) throw new Error("billing.no_page");
      const before: Before = { owner: ownerKey(owner), kind, ...known };
      sessionStorage.setItem(KEY, JSON.stringify(before));
      return address;
    },
    onSuccess: (address) => window.location.assign(address),
  });
  const { reset } = mutation;
  useEffect(() => {
    // Back by the browser's button: the page is as it was left, waiting.
    const back = ({ persisted }: PageTransitionEvent) => {
      if (persisted) reset();
    };
    window.addEventListener("pageshow", back);
    return () => window.removeEventListener("pageshow", back);
  }, [reset]);
  return {
    pay: (order: Order) => mutation.mutate(order),
    /** Until the browser has left. */
    isLeaving: mutation.isPending || mutation.isSuccess,
    leavingFor: mutation.variables ?? null,
    error: mutation.error,
    reset,
  };
};

export type Paying = ReturnType<typeof usePaying>;
