import type { Actor } from "../../auth/actor.ts";

/** Tells which rows of one table one statement changed, and whose they are. */
export type Announcement = {
  table: string;
  /** `all`: a table that belongs to nobody. `nobody`: a row without an owner. */
  scope: "all" | "brand" | "user" | "nobody";
  /** The brand or the person. */
  id: string | null;
  /** Whether rows of the table may belong to a brand. */
  tenant: boolean;
  /** Null: too many to name, or a key of several columns. */
  keys: readonly string[] | null;
};

/** What a role may know about a table, as grants and policies say. */
export type LiveRight = {
  /** As it was asked for: a table, or a view that `@admin.live` ties to one. */
  name: string;
  /** The table that tells. */
  table: string;
  /** Whether the keys of the table are those of what was asked for. */
  isKeyed: boolean;
  isLive: boolean;
  /** A policy lets the role read every row that no fence hides. */
  readsAll: boolean;
  isFenced: boolean;
};

/**
 * Whether a subscriber may hear of a change at all, before anything of it is
 * sent: who acts in a brand hears of that brand, a person of the own rows, staff
 * of everything a policy opens to them. What only a policy's condition decides
 * is not told, because nobody evaluates it here.
 */
export function mayHear(
  actor: Pick<Actor, "userId" | "brandId">,
  right: LiveRight,
  { scope, id, tenant }: Announcement,
): boolean {
  if (right.readsAll && !right.isFenced) return true;
  switch (scope) {
    case "brand":
      return id !== null && id === actor.brandId && right.readsAll;
    case "user":
      // In a brand the fence hides what the person has elsewhere.
      return id !== null && id === actor.userId && !(tenant && right.isFenced);
    case "all":
    case "nobody":
      return false;
  }
}

/** Reads a notification; null for what our triggers did not write. */
export function parseAnnouncement(payload: string): Announcement | null {
  let told: unknown;
  try {
    told = JSON.parse(payload);
  } catch {
    // Anybody with a connection may notify; only JSON is ours.
    return null;
  }
  if (typeof told !== "object" || told === null) return null;
  const { table, scope, id, tenant, keys } = told as Record<string, unknown>;
  if (
    typeof table !== "string" ||
    (scope !== "all" &&
      scope !== "brand" &&
      scope !== "user" &&
      scope !== "nobody") ||
    (id !== null && typeof id !== "string") ||
    typeof tenant !== "boolean" ||
    !(keys === null || isTexts(keys))
  )
    return null;
  return { table, scope, id, tenant, keys };
}

function isTexts(value: unknown): value is string[] {
  return (
    Array.isArray(value) && value.every((item) => typeof item === "string")
  );
}
