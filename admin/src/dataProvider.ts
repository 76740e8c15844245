import type {
  LiveOptions,
  PostgraphileDataProvider,
  ResourceSchemas,
} from "ra-data-postgraphile";
import { makeDataProvider, makeGraphQLFetch } from "ra-data-postgraphile";

import { actingAs, fetchWhileHere } from "./session.ts";

export type AppDataProvider = PostgraphileDataProvider;

const options = {
  graphqlFetch: makeGraphQLFetch({ headers: actingAs, fetch: fetchWhileHere }),
  statusByCode: { OTHER: 409 },
} as const;

let current = makeDataProvider({ resources: {}, ...options });

/** From now on these resources may be asked: the catalogue arrived or changed. */
export function describeResources(
  schemas: ResourceSchemas,
  live: LiveOptions,
): void {
  current = makeDataProvider({ resources: schemas, live, ...options });
}

/**
 * One provider for the whole life of the page, because react-admin keeps it;
 * what it knows of is exchanged behind it.
 */
export const dataProvider: AppDataProvider = new Proxy({} as AppDataProvider, {
  get: (_target, name) => Reflect.get(current, name) as unknown,
});
