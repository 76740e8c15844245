export type {
  AggregateAnswer,
  AggregateFunction,
  AggregateGroup,
  AggregateParams,
  AggregateValues,
} from "./aggregates.ts";
export { resourcesFromCatalog } from "./catalog.ts";
export type { AnswerTypes, CustomOptions, QueryArguments } from "./custom.ts";
export type {
  PostgraphileDataProvider,
  ProviderOptions,
} from "./dataProvider.ts";
export { defaultLimits, makeDataProvider } from "./dataProvider.ts";
export type { ErrorBody, FieldErrors, StatusByCode } from "./errors.ts";
export { statusByCode } from "./errors.ts";
export { collectionOperators } from "./filters.ts";
export type { FetchOptions } from "./graphqlFetch.ts";
export { makeGraphQLFetch } from "./graphqlFetch.ts";
export type {
  IntrospectionOptions,
  IntrospectionResult,
} from "./introspection.ts";
export { catalogFromIntrospection } from "./introspection.ts";
export type {
  Live,
  LiveCallback,
  LiveClient,
  LiveEvent,
  LiveField,
  LiveFields,
  LiveOptions,
} from "./live.ts";
export { listTopic, recordTopic, rowsChanged } from "./live.ts";
export { listOperations } from "./operations.ts";
export type { Operand, Operator, Operators } from "./operators.ts";
export { operatorsOf } from "./operators.ts";
export type { ListResult } from "./readList.ts";
export type {
  FieldInput,
  FieldOptions,
  MutationInput,
  ResourceInput,
} from "./resources.ts";
export { checkResources, defineResources } from "./resources.ts";
export type {
  BulkMeta,
  CollectionSchema,
  Count,
  CountMode,
  Cursors,
  FieldSchema,
  GraphQLAnswer,
  GraphQLFetch,
  GraphQLRequest,
  IdSchema,
  Limits,
  ListMeta,
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
export { useSubscribe } from "./useSubscribe.ts";
export type {
  DiffOptions,
  FieldDifference,
  VersionDifference,
} from "./versions.ts";
export { diffVersions, mergeVersions } from "./versions.ts";
