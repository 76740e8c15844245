import type {
  LiveOptions,
  PostgraphileDataProvider,
  ResourceSchemas,
} from "ra-data-postgraphile";
import { makeDataProvider } from "ra-data-postgraphile";

import { resources } from "./resources.ts";

export type AppDataProvider = PostgraphileDataProvider;

let current = makeDataProvider({ resources });

/** From now on these resources may be asked: the catalogue arrived or changed. */
export function describeResources(
  schemas: ResourceSchemas,
  live: LiveOptions,
): void {
  current = makeDataProvider({ resources: schemas, live });
}

/**
 * One provider for the whole life of the page, because react-admin keeps it;
 * what it knows of is exchanged behind it.
 */
export const dataProvider: AppDataProvider = new Proxy({} as AppDataProvider, {
  get: (_target, name) => Reflect.get(current, name) as unknown,
});
