import type { ResourceProps } from "react-admin";

import { lazyPage } from "../components/lazyPage.ts";
import type { AdminCatalog, AdminResource } from "./adopt.ts";
import { representationOf } from "./columns.ts";
import { iconNamed } from "./icons.ts";
import { whileDescribed } from "./whileDescribed.tsx";

const ListPage = whileDescribed(
  lazyPage(() => import("./GeneratedList.tsx"), "GeneratedList"),
);
const ShowPage = whileDescribed(
  lazyPage(() => import("./GeneratedShow.tsx"), "GeneratedShow"),
);
const EditPage = whileDescribed(
  lazyPage(() => import("./GeneratedEdit.tsx"), "GeneratedEdit"),
);
const CreatePage = whileDescribed(
  lazyPage(() => import("./GeneratedCreate.tsx"), "GeneratedCreate"),
);

/** The pages of a table nobody wrote pages for; a verb the role lacks has none. */
export const generatedPages = (
  catalog: AdminCatalog,
  resource: AdminResource,
): Omit<ResourceProps, "name"> => ({
  ...(resource.verbs.list ? { list: ListPage } : {}),
  ...(resource.verbs.show ? { show: ShowPage } : {}),
  ...(resource.verbs.update ? { edit: EditPage } : {}),
  ...(resource.verbs.create ? { create: CreatePage } : {}),
  icon: iconNamed(resource.icon),
  options: { label: resource.label },
  recordRepresentation: (record: Record<string, unknown>) =>
    representationOf(catalog, resource, record),
});
