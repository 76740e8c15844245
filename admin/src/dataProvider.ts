import type {
  PostgraphileDataProvider,
  ResourceSchemas,
} from "ra-data-postgraphile";
import { makeDataProvider } from "ra-data-postgraphile";

import { resources } from "./resources.ts";

export type AppDataProvider = PostgraphileDataProvider;

let current = makeDataProvider({ resources });

/** From now on these resources may be asked: the catalogue arrived or changed. */
export function describeResources(schemas: ResourceSchemas): void {
  current = makeDataProvider({ resources: schemas });
}

/**
 * One provider for the whole life of the page, because react-admin keeps it;
 * what it knows of is exchanged behind it.
 */
export const dataProvider: AppDataProvider = new Proxy({} as AppDataProvider, {
  get: (_target, name) => Reflect.get(current, name) as unknown,
});
