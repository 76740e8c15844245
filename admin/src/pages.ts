import type { ResourceProps } from "react-admin";

import { resourceOf } from "./pageFolders.ts";

type Pages = Omit<ResourceProps, "name">;

/**
 * Every folder with an index.ts is the pages of the resource it is called
 * after, in place of the generated ones. `npm run eject <resource>` makes one.
 */
const folders = import.meta.glob<Pages>("./*/index.ts", {
  eager: true,
  import: "default",
});

export const pages: ReadonlyMap<string, Pages> = new Map(
  Object.entries(folders).map(([path, own]) => {
    const folder = path.split("/")[1] ?? "";
    return [resourceOf[folder] ?? folder, own] as const;
  }),
);

export const hasPages = (resource: string): boolean => pages.has(resource);
