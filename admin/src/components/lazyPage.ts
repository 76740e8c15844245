import type { ComponentType, LazyExoticComponent } from "react";
import { lazy } from "react";

/** A page that is fetched when it is first opened: the first load stays small. */
export const lazyPage = <Name extends string>(
  load: () => Promise<Record<Name, ComponentType>>,
  name: Name,
): LazyExoticComponent<ComponentType> =>
  lazy(async () => {
    const module = await load();
    return { default: module[name] };
  });
