/** What a field holds. It decides how a value is sent, read and filtered. */
export type ScalarKind =
  | "string"
  | "int"
  | "float"
  | "bigint"
  | "numeric"
  | "boolean"
  | "datetime"
  | "date"
  | "time"
  | "uuid"
  | "json"
  | "enum";

export type FieldSchema = {
  kind: ScalarKind;
  array: boolean;
  /** Part of a record unless the page asks for other columns. */
  read: boolean;
  create: boolean;
  update: boolean;
  filter: boolean;
  sort: boolean;
  /** The resource whose primary key this field holds. */
  reference: string | null;
  /** Default true. Known to be never empty, a keyset page can seek upwards too. */
  nullable?: boolean;
  /** The filters the API has, where it lacks some of the kind's. */
  operators?: readonly string[];
};

/** A GraphQL field that leads from one record to one record of a resource. */
export type RelationSchema = {
  resource: string;
  /** The filter's field that asks whether there is such a record. */
  exists?: string | null;
};

/** Records of another resource that point here: filtered by some, none, every. */
export type CollectionSchema = {
  resource: string;
  /** The filter's field that asks whether there is any. */
  exists?: string | null;
};

/** Where a record's `id` comes from, and how it is given to the API. */
export type IdSchema = {
  /** `rowId`, another primary key field, or `id` for the node id. */
  field: string;
  /** The GraphQL type of the argument, without the exclamation mark. */
  type: string;
  kind: ScalarKind;
  /** True for composite keys: they have no single column to filter by. */
  node: boolean;
};

export type ListSchema = {
  field: string;
  filterType: string;
  orderByType: string;
  /** "" where the API has no aggregates of this list. */
  groupByType: string;
  havingType: string;
  /** Without postgraphile-plugin-connection-filter there is only `condition`: equality. */
  filterBy?: "filter" | "condition";
};

export type OneSchema = { field: string; argument: string };

/** A single record by another unique key: argument name → GraphQL type. */
export type UniqueSchema = { field: string; arguments: Record<string, string> };

export type MutationSchema = {
  field: string;
  inputType: string;
  /** The input field that takes the id; null for a create. */
  key: string | null;
  /** The input field the values go into; null when they stand beside the key. */
  values: string | null;
  /** The payload field that holds the row. */
  result: string;
};

export type SearchSchema =
  | { by: "fields"; fields: string[] }
  | { by: "filter"; field: string; operator: string }
  | { by: "argument"; argument: string; type: string };

/** One resource, complete and plain: JSON in, JSON out. */
export type ResourceSchema = {
  name: string;
  type: string;
  id: IdSchema;
  primaryKey: string[];
  list: ListSchema | null;
  one: OneSchema | null;
  unique: UniqueSchema[];
  create: MutationSchema | null;
  update: MutationSchema | null;
  delete: MutationSchema | null;
  fields: Record<string, FieldSchema>;
  relations: Record<string, RelationSchema>;
  collections?: Record<string, CollectionSchema>;
  columns: string[];
  search: SearchSchema | null;
  /** The field an update sends back as it was read, so that the server can refuse a lost update. */
  version: string | null;
};

export type ResourceSchemas = Readonly<Record<string, ResourceSchema>>;

export type Variables = Record<string, unknown>;

export type Operation = { operationName: string; query: string };

export type GraphQLRequest = Operation & {
  variables: Variables;
  signal?: AbortSignal | undefined;
};

export type GraphQLErrorBody = {
  message: string;
  path?: readonly (string | number)[];
  extensions?: {
    code?: string;
    field?: string;
    hint?: string;
    requestId?: string;
  };
};

export type GraphQLBody = {
  data?: Record<string, unknown> | null;
  errors?: readonly GraphQLErrorBody[];
};

export type GraphQLAnswer = {
  status: number;
  /** The parsed body; anything that is not a GraphQL answer is refused. */
  body: unknown;
  /** The Retry-After header in seconds, where the server sent one. */
  retryAfterSeconds?: number | undefined;
};

export type GraphQLFetch = (request: GraphQLRequest) => Promise<GraphQLAnswer>;

export type Limits = {
  /** Rows in one page; a longer list is read in several pages. */
  pageSize: number;
  /** Ids in one `in` filter. */
  idsPerQuery: number;
  /** Root fields, each under an alias, in one request. */
  rootFields: number;
};

export type SortItem = { field: string; order: "ASC" | "DESC" };

/** How a list is counted: whole, not at all, or only as far as `cap`. */
export type CountMode = "exact" | "none" | { cap: number };

/** What is told of a count: `{ value: 10000, capped: true }` reads "10,000+". */
export type Count = { value: number; capped: boolean };

/** Opaque places in a list, to go on from. */
export type Cursors = { start: string | null; end: string | null };

/** `meta` of a list's answer. */
export type ListMeta = { count?: Count; cursors?: Cursors };

/** What `meta` may hold for `updateMany`. */
export type BulkMeta = {
  /** The version of each record as it was read, by id. */
  versions?: Readonly<Record<string, unknown>>;
};

/** What `meta` may hold for reads. Unknown keys belong to others and are left alone. */
export type ReadMeta = {
  columns?: readonly string[];
  sort?: readonly SortItem[];
  /** false is `count: "none"`. */
  total?: boolean;
  count?: CountMode;
  /** Pages by position: remembered (true), or from a cursor of an earlier answer. */
  keyset?: boolean | { after: string } | { before: string };
  by?: Readonly<Record<string, unknown>>;
};
