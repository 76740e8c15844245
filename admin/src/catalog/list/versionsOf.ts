import type { RaRecord } from "react-admin";

import type { AdminResource } from "../adopt.ts";

/**
 * The versions of the rows a person sees, so that a change of many does not undo
 * what somebody else did meanwhile. Rows chosen on another page are not known any
 * more, and are changed as they are.
 */
export function versionsOf(
  resource: Pick<AdminResource, "schema">,
  shown: readonly RaRecord[] | undefined,
): Record<string, unknown> {
  const { version } = resource.schema;
  if (version === null) return {};
  return Object.fromEntries(
    (shown ?? []).map((record) => [record.id, record[version]]),
  );
}
