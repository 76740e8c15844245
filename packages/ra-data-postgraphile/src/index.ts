export type {
  AggregateAnswer,
  AggregateFunction,
  AggregateGroup,
  AggregateParams,
  AggregateValues,
} from "./aggregates.ts";
export type { AnswerTypes, CustomOptions, QueryArguments } from "./custom.ts";
export type {
  PostgraphileDataProvider,
  ProviderOptions,
} from "./dataProvider.ts";
export { defaultLimits, makeDataProvider } from "./dataProvider.ts";
export type { ErrorBody, FieldErrors, StatusByCode } from "./errors.ts";
export { statusByCode } from "./errors.ts";
export { operatorsOf } from "./filters.ts";
export type { FetchOptions } from "./graphqlFetch.ts";
export { makeGraphQLFetch } from "./graphqlFetch.ts";
export { listOperations } from "./operations.ts";
export type {
  FieldInput,
  FieldOptions,
  MutationInput,
  ResourceInput,
} from "./resources.ts";
export { checkResources, defineResources } from "./resources.ts";
export type {
  FieldSchema,
  GraphQLAnswer,
  GraphQLFetch,
  GraphQLRequest,
  IdSchema,
  Limits,
  ListSchema,
  MutationSchema,
  OneSchema,
  Operation,
  ReadMeta,
  RelationSchema,
  ResourceSchema,
  ResourceSchemas,
  ScalarKind,
  SearchSchema,
  SortItem,
  UniqueSchema,
} from "./types.ts";
