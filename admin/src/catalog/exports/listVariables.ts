import type { ResourceSchemas } from "ra-data-postgraphile";
import { makeDataProvider } from "ra-data-postgraphile";
import type { SortPayload } from "react-admin";

export type ListVariables = { filter?: unknown; orderBy?: unknown };

/**
 * What the list's query would send as filter and order: the provider is asked
 * for the list, and its request is kept instead of sent.
 */
export async function listVariables(
  resources: ResourceSchemas,
  resource: string,
  params: { filter: Record<string, unknown>; sort: SortPayload },
): Promise<ListVariables> {
  let variables: ListVariables = {};
  const provider = makeDataProvider({
    resources,
    graphqlFetch: (request) => {
      variables = request.variables as ListVariables;
      const list = resources[resource]?.list?.field ?? "";
      return Promise.resolve({
        status: 200,
        body: { data: { [list]: { totalCount: 0, nodes: [] } } },
      });
    },
  });
  await provider.getList(resource, {
    ...params,
    pagination: { page: 1, perPage: 1 },
  });
  return variables;
}
