import { DEFAULT_LIMITS, type Limits } from "../config.ts";

/** The bounds that the GraphQL engine itself keeps; see Limits for each. */
export type GraphQLLimits = Pick<
  Limits,
  | "selections"
  | "tokens"
  | "depth"
  | "aliases"
  | "rootFields"
  | "directives"
  | "cost"
  | "page"
  | "defaultPage"
  | "bodyBytes"
  | "planningMs"
  | "executionMs"
  | "statementMs"
>;

export const DEFAULT_GRAPHQL_LIMITS: GraphQLLimits = DEFAULT_LIMITS;

/**
 * Nesting of input values. A filter nested thousands deep fits into the body
 * limit and would otherwise overflow the stack of every walker behind it.
 */
export const MAX_INPUT_DEPTH = 20;

/** Values in all variables together; the longest honest list is one page of ids. */
export const MAX_INPUT_VALUES = 5_000;

/**
 * Relations a filter may follow from one table to the next. Each is a subquery
 * for every row of the one before it.
 */
export const MAX_FILTER_HOPS = 3;

/** Relations that all filters of one operation may ask about together. */
export const MAX_FILTER_RELATIONS = 12;

/** Operations one websocket may have open at once. */
export const MAX_OPEN_OPERATIONS = 50;
