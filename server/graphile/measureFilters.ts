import {
  type FragmentDefinitionNode,
  getNamedType,
  type GraphQLError,
  type GraphQLInputObjectType,
  type GraphQLSchema,
  isInputObjectType,
  type OperationDefinitionNode,
  TypeInfo,
  valueFromASTUntyped,
  type ValueNode,
  visit,
  visitWithTypeInfo,
} from "postgraphile/graphql";

import { MAX_FILTER_HOPS, MAX_FILTER_RELATIONS } from "./limits.ts";
import { limitError } from "./measureDocument.ts";

type Fragments = Readonly<Record<string, FragmentDefinitionNode>>;
type Variables = Readonly<Record<string, unknown>>;
type GivenFilter = { type: GraphQLInputObjectType; value: ValueNode };

/** The filters of an operation, as they are written; variables come per request. */
const found = new WeakMap<OperationDefinitionNode, readonly GivenFilter[]>();

/**
 * A filter on a relation is a subquery, and one inside it a subquery for each of
 * its rows: brand → products → brand → products reads a table to the power of
 * the nesting. Neither the depth of the answer nor the page size says so.
 */
export function refuseFilters(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
  variables: Variables,
): GraphQLError | null {
  let filters = found.get(operation);
  if (filters === undefined) {
    filters = filtersIn(schema, operation, fragments);
    found.set(operation, filters);
  }
  let relations = 0;
  let deepest = 0;
  for (const { type, value } of filters) {
    const rest: {
      type: GraphQLInputObjectType;
      value: unknown;
      hops: number;
    }[] = [{ type, value: valueFromASTUntyped(value, variables), hops: 0 }];
    for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
      const { hops } = next;
      if (Array.isArray(next.value)) {
        for (const item of next.value as unknown[]) {
          rest.push({ ...next, value: item });
        }
        continue;
      }
      if (typeof next.value !== "object" || next.value === null) continue;
      const fields = next.type.getFields();
      for (const [name, inner] of Object.entries(next.value)) {
        const field = fields[name];
        if (field === undefined) continue;
        const innerType = getNamedType(field.type);
        const asks = asksRelation(next.type, name, innerType);
        if (asks) {
          relations += 1;
          deepest = Math.max(deepest, hops + 1);
        }
        if (isInputObjectType(innerType)) {
          rest.push({
            type: innerType,
            value: inner as unknown,
            hops: asks ? hops + 1 : hops,
          });
        }
      }
    }
  }
  if (deepest > MAX_FILTER_HOPS) {
    return limitError(
      `A filter follows ${deepest} relations, one after the other; at most ${MAX_FILTER_HOPS} are allowed.`,
      [operation],
      "filter",
    );
  }
  return relations > MAX_FILTER_RELATIONS
    ? limitError(
        `The filters ask about ${relations} relations; at most ${MAX_FILTER_RELATIONS} are allowed.`,
        [operation],
        "filter",
      )
    : null;
}

const isFilterOfRows = (type: GraphQLInputObjectType): boolean =>
  ["and", "or", "not"].every((name) => name in type.getFields());

/** `brand`, `products` and `productsExist` in a filter of rows; `and` is no relation. */
function asksRelation(
  type: GraphQLInputObjectType,
  name: string,
  inner: ReturnType<typeof getNamedType>,
): boolean {
  if (!isFilterOfRows(type) || ["and", "or", "not"].includes(name)) {
    return false;
  }
  if (!isInputObjectType(inner)) return true;
  return isFilterOfRows(inner) || "some" in inner.getFields();
}

/** Only reached after the selection limit: the expansion of fragments is bounded. */
function filtersIn(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
): GivenFilter[] {
  const filters: GivenFilter[] = [];
  const collect = (node: OperationDefinitionNode | FragmentDefinitionNode) => {
    const info = new TypeInfo(schema);
    visit(
      node,
      visitWithTypeInfo(info, {
        Argument(argument) {
          const type = getNamedType(info.getInputType() ?? undefined);
          if (isInputObjectType(type)) {
            filters.push({ type, value: argument.value });
          }
          return false;
        },
        FragmentSpread(spread) {
          const fragment = fragments[spread.name.value];
          if (fragment !== undefined) collect(fragment);
        },
      }),
    );
  };
  collect(operation);
  return filters;
}
