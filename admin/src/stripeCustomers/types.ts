import type { CustomerOf } from "../subscriptions/types.ts";

export type Customer = CustomerOf & {
  id: string;
  rowId: string;
  brandId: string | null;
  userId: string | null;
  currency: string | null;
  deleted: boolean;
  created: string | null;
};

/** A customer of nobody, and whom it may belong to. */
export type Unlinked = {
  customerId: string;
  email: string | null;
  name: string | null;
  created: string | null;
  subscriptions: number;
  mrrUsdMinor: number;
  suggestedWhy: string | null;
  suggestedBrandId: string | null;
  suggestedUserId: string | null;
  suggestedName: string | null;
  suggestions: number;
};

/** Linked to one owner, while the newest event names another. */
export type Disputed = {
  customerId: string;
  email: string | null;
  ownerBrandId: string | null;
  ownerUserId: string | null;
  ownerName: string | null;
  namedBrandId: string | null;
  namedUserId: string | null;
  namedName: string | null;
  namedAt: string;
  mrrUsdMinor: number;
};

export type LinkPreview = {
  fromName: string | null;
  toName: string | null;
  mrrUsdMinor: number;
  subscriptions: number;
  fromBeforeUsdMinor: number;
  fromAfterUsdMinor: number;
  toBeforeUsdMinor: number;
  toAfterUsdMinor: number;
  grants: string[];
  isChange: boolean;
};

/** Who shall own a customer. */
export type Owner = { brandId: string | null; userId: string | null };
