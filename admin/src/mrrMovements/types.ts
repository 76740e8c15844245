import type { MovementKind } from "../revenue/links.ts";

type Person = { displayName: string | null; email: string | null };

/** Whose MRR it is, as far as it is known. */
export type AccountOf = {
  account: string;
  brand?: { name: string } | null;
  accountByAccount?: {
    user?: Person | null;
    customer?: { name: string | null; email: string | null } | null;
  } | null;
};

export type Movement = AccountOf & {
  id: string;
  brandId: string | null;
  subscriptionId: string | null;
  occurredAt: string;
  kind: MovementKind;
  deltaUsdMinor: number;
  beforeUsdMinor: number;
  afterUsdMinor: number;
  isTransfer: boolean;
  sourceEventId: string;
};

/** A name, or what Stripe or the database calls it. */
export const accountName = (of: AccountOf): string => {
  const [, ...rest] = of.account.split(":");
  const { user, customer } = of.accountByAccount ?? {};
  return (
    of.brand?.name ??
    (user?.displayName || user?.email) ??
    (customer?.name || customer?.email) ??
    rest.join(":")
  );
};

/** What Stripe calls an object, where there is little room: its kind and its end. */
export const shortStripeId = (id: string): string =>
  id.length > 18 ? `${id.slice(0, 8)}…${id.slice(-5)}` : id;

const EVENT = /evt_[A-Za-z0-9_]+/;

/** The event behind a movement; null where staff caused it. */
export const eventIdOf = (sourceEventId: string): string | null =>
  EVENT.exec(sourceEventId)?.[0] ?? null;

/** What movements of this event may be called: a link, and what was corrected since. */
export const sourcesOf = (eventId: string): string[] => [
  eventId,
  `link:${eventId}`,
  ...Array.from({ length: 8 }, (_none, n) => `${eventId}#${n + 2}`),
];

/** How a movement came about, in a word of i18n. */
export const causeOf = (
  movement: Pick<Movement, "sourceEventId">,
): "event" | "link" | "staff" =>
  movement.sourceEventId.startsWith("link:")
    ? "link"
    : eventIdOf(movement.sourceEventId) === null
      ? "staff"
      : "event";
