import type { AdminCatalog } from "../catalog/adopt.ts";

/** What shows rows of a table without being it. */
const SHOWN_BY: Readonly<Record<string, string>> = { members: "brand_members" };

/** The live table behind a resource, if there is one. */
export function liveTableOf(
  { resources }: Pick<AdminCatalog, "resources">,
  name: string,
): string | undefined {
  return resources.find(
    ({ isLive, table, name: known }) =>
      isLive && (known === name || table === SHOWN_BY[name]),
  )?.table;
}

/** Pages with a form: `/products/create`, `/products/<id>`. */
export function hasForm(pathname: string): boolean {
  return /^\/[^/]+\/[^/]+\/?$/.test(pathname);
}

type Key = readonly unknown[];

/**
 * Whether a query may show something else now. One record is left alone while
 * others changed; lists and figures may have changed with any row.
 */
export function isAffected(
  key: Key,
  resource: string,
  ids: readonly unknown[],
): boolean {
  if (key[0] !== resource) return false;
  if (ids.length === 0) return true;
  const params = key[2] as { id?: unknown; ids?: unknown } | undefined;
  const asked =
    key[1] === "getOne"
      ? [params?.id]
      : key[1] === "getMany" && Array.isArray(params?.ids)
        ? (params.ids as unknown[])
        : null;
  return (
    asked === null ||
    asked.some((id) => ids.some((told) => String(told) === String(id)))
  );
}
