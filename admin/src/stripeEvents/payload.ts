export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

export type Payload = {
  id?: string;
  type?: string;
  data?: {
    object?: Json;
    previous_attributes?: Json;
  };
};

export type ChangedField = { path: string; before: Json; after: Json };

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const idOf = (value: Json): string | null =>
  isObject(value) && typeof value["id"] === "string" ? value["id"] : null;

/** A list by the ids of its parts; null where they have none. */
const byId = (value: Json | undefined): { [key: string]: Json } | null => {
  if (!Array.isArray(value)) return null;
  const list = value as readonly Json[];
  const ids = list.map(idOf);
  return ids.includes(null)
    ? null
    : Object.fromEntries(list.map((item, at) => [`[${ids[at]}]`, item]));
};

const isSame = (a: Json | undefined, b: Json | undefined): boolean =>
  JSON.stringify(a) === JSON.stringify(b);

/**
 * What an event says has changed: the parts of `previous_attributes` with what
 * they are now. Objects are followed as far as both are some, and lists by the
 * ids of what is in them; Stripe sends those whole, so what is the same is left out.
 */
export function changedFields(
  payload: Payload | null | undefined,
): ChangedField[] {
  const before = payload?.data?.previous_attributes;
  const after = payload?.data?.object;
  if (!isObject(before)) return [];
  const changes: ChangedField[] = [];
  const walk = (
    was: { [key: string]: Json },
    is: Json | undefined,
    path: string,
  ): void => {
    for (const [key, value] of Object.entries(was)) {
      const now = isObject(is) ? is[key] : undefined;
      const at =
        path === "" ? key : key.startsWith("[") ? path + key : `${path}.${key}`;
      if (isSame(value, now)) continue;
      const [oldParts, newParts] = [byId(value), byId(now)];
      if (isObject(value) && isObject(now)) walk(value, now, at);
      else if (oldParts !== null && newParts !== null) {
        walk(oldParts, newParts, at);
        for (const [id, part] of Object.entries(newParts)) {
          if (!(id in oldParts)) {
            changes.push({ path: at + id, before: null, after: part });
          }
        }
      } else changes.push({ path: at, before: value, after: now ?? null });
    }
  };
  walk(before, after, "");
  return changes;
}

/** Where in this admin the object of an event is; null where it is not mirrored. */
export function objectLink(
  type: string,
  objectId: string | null,
): { resource: string; to: string } | null {
  if (objectId === null) return null;
  const resource = type.startsWith("customer.subscription.")
    ? "stripe_subscriptions"
    : /^customer\.(created|updated|deleted)$/.test(type)
      ? "stripe_customers"
      : type.startsWith("invoice.")
        ? "stripe_invoices"
        : type.startsWith("price.") || type.startsWith("plan.")
          ? "stripe_prices"
          : type.startsWith("product.")
            ? "stripe_products"
            : type.startsWith("refund.") || type === "charge.refund.updated"
              ? "stripe_refunds"
              : null;
  return resource === null
    ? null
    : { resource, to: `/${resource}/${encodeURIComponent(objectId)}/show` };
}
