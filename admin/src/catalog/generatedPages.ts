import type { ResourceProps } from "react-admin";

import type { AdminCatalog, AdminResource } from "./adopt.ts";
import { representationOf } from "./columns.ts";
import { GeneratedCreate } from "./GeneratedCreate.tsx";
import { GeneratedEdit } from "./GeneratedEdit.tsx";
import { GeneratedList } from "./GeneratedList.tsx";
import { GeneratedShow } from "./GeneratedShow.tsx";
import { iconNamed } from "./icons.ts";

/** The pages of a table nobody wrote pages for; a verb the role lacks has none. */
export const generatedPages = (
  catalog: AdminCatalog,
  resource: AdminResource,
): Omit<ResourceProps, "name"> => ({
  ...(resource.verbs.list ? { list: GeneratedList } : {}),
  ...(resource.verbs.show ? { show: GeneratedShow } : {}),
  ...(resource.verbs.update ? { edit: GeneratedEdit } : {}),
  ...(resource.verbs.create ? { create: GeneratedCreate } : {}),
  icon: iconNamed(resource.icon),
  options: { label: resource.label },
  recordRepresentation: (record: Record<string, unknown>) =>
    representationOf(catalog, resource, record),
});
