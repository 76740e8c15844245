import type { ResourceProps } from "react-admin";

import { lazyPage } from "../components/lazyPage.ts";
import type { AdminCatalog, AdminResource } from "./adopt.ts";
import { representationOf } from "./columns.ts";
import { iconNamed } from "./icons.ts";

const GeneratedList = lazyPage(
  () => import("./GeneratedList.tsx"),
  "GeneratedList",
);
const GeneratedShow = lazyPage(
  () => import("./GeneratedShow.tsx"),
  "GeneratedShow",
);
const GeneratedEdit = lazyPage(
  () => import("./GeneratedEdit.tsx"),
  "GeneratedEdit",
);
const GeneratedCreate = lazyPage(
  () => import("./GeneratedCreate.tsx"),
  "GeneratedCreate",
);

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
