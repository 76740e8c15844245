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

/** Tables one live subscription may name. */
export const MAX_LIVE_TABLES = 20;

/** Live subscriptions one person may have open at this server, over all pages. */
export const MAX_LIVE_PER_PERSON = 200;

/** Ids one live event names; more are told as "anything". */
export const MAX_LIVE_IDS = 100;

/** Of one table a subscriber is told at most so often: four times a second. */
export const MIN_LIVE_INTERVAL_MS = 250;
