import type {
  CreateParams,
  DataProvider,
  DeleteManyParams,
  DeleteParams,
  GetListParams,
  GetManyParams,
  GetManyReferenceParams,
  GetOneParams,
  Identifier,
  QueryFunctionContext,
  RaRecord,
  UpdateManyParams,
  UpdateParams,
} from "ra-core";
import { HttpError } from "ra-core";

import type { AggregateAnswer, AggregateParams } from "./aggregates.ts";
import {
  buildAggregateQuery,
  buildAggregateVariables,
  parseAggregates,
} from "./aggregates.ts";
import { makeBatcher } from "./batch.ts";
import {
  buildBulkMutation,
  buildManyQuery,
  buildMutation,
  buildNodesQuery,
  buildOneQuery,
  buildUniqueQuery,
} from "./buildQuery.ts";
import {
  buildBulkVariables,
  buildCreateVariables,
  buildManyVariables,
  buildOneVariables,
  buildUniqueVariables,
  buildUpdateVariables,
  isPossibleId,
  referenceFilter,
  sendId,
} from "./buildVariables.ts";
import type { Selection } from "./columns.ts";
import { selectColumns, selectKey } from "./columns.ts";
import type { CustomOptions, QueryArguments } from "./custom.ts";
import {
  buildCustomMutation,
  buildCustomQuery,
  buildCustomVariables,
  parseCustom,
} from "./custom.ts";
import type { ErrorBody, StatusByCode } from "./errors.ts";
import { notFound, statusByCode } from "./errors.ts";
import { makeGraphQLFetch } from "./graphqlFetch.ts";
import type { Live, LiveOptions } from "./live.ts";
import { makeLive } from "./live.ts";
import {
  inOrderOf,
  parseList,
  parseMutation,
  parseOne,
  parseRecord,
} from "./parseResponse.ts";
import type { ListResult } from "./readList.ts";
import { makeListReader } from "./readList.ts";
import { makeRequest } from "./request.ts";
import { listOf, mutationOf, resourceNamed } from "./resources.ts";
import type {
  BulkMeta,
  CountMode,
  GraphQLErrorBody,
  GraphQLFetch,
  Limits,
  MutationSchema,
  ReadMeta,
  ResourceSchema,
  ResourceSchemas,
} from "./types.ts";

export type ProviderOptions = {
  resources: ResourceSchemas;
  /** Default: POST /graphql with the session's cookie. */
  graphqlFetch?: GraphQLFetch;
  limits?: Partial<Limits>;
  /** The HTTP status of a server's own error codes, beside those known here. */
  statusByCode?: StatusByCode;
  /** How lists are counted unless `meta.count` says otherwise. Default "exact". */
  count?: CountMode;
  /** Whether pages are sought by position unless `meta.keyset` says otherwise. */
  keyset?: boolean;
  /** What tells of changes; without it, topics carry what this page publishes. */
  live?: LiveOptions;
};

/** react-admin hands no signal to writes; whoever calls them directly may. */
type Abortable = { signal?: AbortSignal | undefined };

type AbortableWrites = {
  create(
    resource: string,
    params: CreateParams & Abortable,
  ): Promise<{ data: RaRecord }>;
  update(
    resource: string,
    params: UpdateParams & Abortable,
  ): Promise<{ data: RaRecord }>;
  updateMany(
    resource: string,
    params: UpdateManyParams & Abortable,
  ): Promise<{ data?: Identifier[] }>;
  delete(
    resource: string,
    params: DeleteParams & Abortable,
  ): Promise<{ data: RaRecord }>;
  deleteMany(
    resource: string,
    params: DeleteManyParams & Abortable,
  ): Promise<{ data?: Identifier[] }>;
};

export type PostgraphileDataProvider = DataProvider &
  AbortableWrites &
  Live & {
    getAggregates(
      resource: string,
      params?: AggregateParams,
    ): Promise<AggregateAnswer>;
    mutate<Answer = unknown>(
      name: string,
      input: Record<string, unknown>,
      selection?: string,
      options?: CustomOptions & { inputType?: string },
    ): Promise<Answer>;
    query<Answer = unknown>(
      name: string,
      args?: QueryArguments,
      selection?: string,
      options?: CustomOptions,
    ): Promise<Answer>;
  };

export const defaultLimits: Limits = {
  pageSize: 500,
  idsPerQuery: 100,
  rootFields: 20,
};

const chunksOf = <Item>(items: readonly Item[], size: number): Item[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_item, index) =>
    items.slice(index * size, (index + 1) * size),
  );

const oneOf = (schema: ResourceSchema) => {
  if (!schema.one) {
    throw new Error(`${schema.name} has no field for one record.`);
  }
  return schema.one;
};

/** Which of `unique` has exactly the fields that `meta.by` names. */
const uniqueOf = (schema: ResourceSchema, by: object) => {
  const names = Object.keys(by).sort().join();
  const unique = schema.unique.find(
    (key) => Object.keys(key.arguments).sort().join() === names,
  );
  if (!unique) {
    throw new Error(`${schema.name} has no unique key made of ${names}.`);
  }
  return unique;
};

type BulkFailure = { id: Identifier; error: HttpError };

/** One error for many rows: what failed first, and what was done all the same. */
const bulkError = (
  ids: readonly Identifier[],
  succeeded: readonly Identifier[],
  failures: readonly BulkFailure[],
): HttpError => {
  const [first] = failures;
  const error = first?.error ?? notFound();
  const told = error.body as ErrorBody | null;
  const body: ErrorBody = {
    code: told?.code ?? null,
    hint: told?.hint ?? null,
    requestId: told?.requestId ?? null,
    succeeded: [...succeeded],
    failed: failures.map((failure) => ({
      id: failure.id,
      message: failure.error.message,
      code: (failure.error.body as ErrorBody | null)?.code ?? null,
    })),
  };
  const message =
    ids.length === 1
      ? error.message
      : `${failures.length} of ${ids.length} records were not changed. ${error.message}`;
  return new HttpError(message, error.status, body);
};

/**
 * A react-admin data provider for PostGraphile 5.
 *
 * | verb             | request                                                        |
 * | ---------------- | -------------------------------------------------------------- |
 * | getList          | `products(first, offset, orderBy, filter) { totalCount nodes }` |
 * | getManyReference | the same, with `target = id` in the filter                     |
 * | getOne           | `product(rowId)`; by `meta.by`: `productByBrandIdAndSku(…)`    |
 * | getMany          | `products(filter: { rowId: { in } })`, one for all calls of a tick; composite keys: one aliased `memberById(id)` each |
 * | create           | `createProduct(input: { product })`                            |
 * | update           | `updateProduct(input: { rowId, patch })`, changed fields only  |
 * | updateMany       | aliased `updateProduct`, 20 in a request                       |
 * | delete           | `deleteProduct(input: { rowId })`                              |
 * | deleteMany       | aliased `deleteProduct`, 20 in a request                       |
 * | getAggregates    | `products(filter) { aggregates groupedAggregates }`            |
 * | mutate, query    | one root field by its name                                     |
 * | subscribe        | one subscription for each topic, `options.live` says which     |
 */
export const makeDataProvider = (
  options: ProviderOptions,
): PostgraphileDataProvider => {
  const schemas = options.resources;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  const { ask, errorFrom, send } = makeRequest(
    options.graphqlFetch ?? makeGraphQLFetch(),
    { ...statusByCode, ...options.statusByCode },
  );

  const readSelection = (
    schema: ResourceSchema,
    params: { meta?: unknown },
  ) => {
    const meta = (params.meta ?? {}) as ReadMeta;
    const hasOwnColumns = meta.columns === undefined;
    return {
      meta,
      hasOwnColumns,
      selection: selectColumns(schemas, schema, meta.columns),
    };
  };

  const readList = makeListReader({
    schemas,
    limits,
    ask,
    count: options.count ?? "exact",
    keyset: options.keyset ?? false,
  });

  const readOne = async (
    schema: ResourceSchema,
    params: Pick<GetOneParams, "id" | "meta" | "signal">,
  ): Promise<RaRecord> => {
    const { meta, hasOwnColumns, selection } = readSelection(schema, params);
    const request = { isRead: true, schema, signal: params.signal };
    if (meta.by) {
      const unique = uniqueOf(schema, meta.by);
      const data = await ask(
        buildUniqueQuery(schema, unique, selection, { hasOwnColumns }),
        buildUniqueVariables(schema, meta.by),
        request,
      );
      return parseOne(schemas, selection, data[unique.field]);
    }
    const one = oneOf(schema);
    if (!isPossibleId(schema, params.id)) throw notFound();
    const data = await ask(
      buildOneQuery(schema, one, selection, { hasOwnColumns }),
      buildOneVariables(schema, params.id),
      request,
    );
    return parseOne(schemas, selection, data[one.field]);
  };

  const readManyByFilter = async (
    schema: ResourceSchema,
    ids: readonly Identifier[],
    selection: Selection,
    hasOwnColumns: boolean,
    signal: AbortSignal,
  ): Promise<RaRecord[]> => {
    const list = listOf(schema);
    const operation = buildManyQuery(schema, list, selection, {
      hasOwnColumns,
    });
    const size = Math.min(limits.idsPerQuery, limits.pageSize);
    const records: RaRecord[] = [];
    for (const chunk of chunksOf(ids, size)) {
      const data = await ask(operation, buildManyVariables(schema, chunk), {
        isRead: true,
        schema,
        signal,
      });
      records.push(...parseList(schemas, selection, data[list.field]).data);
    }
    return records;
  };

  const readManyByNode = async (
    schema: ResourceSchema,
    ids: readonly Identifier[],
    selection: Selection,
    hasOwnColumns: boolean,
    signal: AbortSignal,
  ): Promise<RaRecord[]> => {
    const one = oneOf(schema);
    const records: RaRecord[] = [];
    for (const chunk of chunksOf(ids, limits.rootFields)) {
      const data = await ask(
        buildNodesQuery(schema, one, schema.id, chunk.length, selection, {
          hasOwnColumns,
        }),
        Object.fromEntries(
          chunk.map((id, index) => [`id${index}`, sendId(schema, id)]),
        ),
        { isRead: true, schema, signal },
      );
      for (const row of Object.values(data)) {
        if (row !== null) {
          records.push(
            parseRecord(schemas, selection, row as Record<string, unknown>),
          );
        }
      }
    }
    return records;
  };

  const getManyBatched = makeBatcher(async (key, ids, signal) => {
    const [resource, columns] = JSON.parse(key) as [string, string[] | null];
    const schema = resourceNamed(schemas, resource);
    const selection = selectColumns(schemas, schema, columns ?? undefined);
    const isAlone = schema.id.node || schema.list?.filterBy === "condition";
    const read = isAlone ? readManyByNode : readManyByFilter;
    return read(schema, ids, selection, columns === null, signal);
  });

  const bulk = async (
    schema: ResourceSchema,
    verb: "updateMany" | "deleteMany",
    mutation: MutationSchema,
    ids: readonly Identifier[],
    data: Readonly<Record<string, unknown>> | null,
    signal: AbortSignal | undefined,
    versions?: BulkMeta["versions"],
  ): Promise<Identifier[]> => {
    const selection = selectKey(schema);
    const possible = [...new Set(ids)].filter((id) => isPossibleId(schema, id));
    const succeeded: Identifier[] = [];
    const failures: BulkFailure[] = ids
      .filter((id) => !possible.includes(id))
      .map((id) => ({ id, error: notFound() }));
    const chunks = chunksOf(possible, limits.rootFields);
    for (const [position, chunk] of chunks.entries()) {
      const variables = buildBulkVariables(
        schema,
        mutation,
        chunk,
        data,
        versions,
      );
      try {
        const { status, body } = await send(
          buildBulkMutation(schema, verb, mutation, chunk.length, selection),
          variables,
          { isRead: false, schema, signal },
        );
        // An error without a path refuses the request as a whole.
        const whole = body.errors?.find((error) => error.path === undefined);
        for (const [index, id] of chunk.entries()) {
          const error =
            errorAt(body.errors ?? [], `r${index}`) ??
            (body.data?.[`r${index}`] ? undefined : whole);
          const payload = body.data?.[`r${index}`];
          const row = (payload as Record<string, unknown> | null | undefined)?.[
            mutation.result
          ];
          if (error) {
            failures.push({
              id,
              error: errorFrom([error], status, schema),
            });
          } else if (row === null || row === undefined) {
            failures.push({ id, error: notFound() });
          } else {
            succeeded.push(id);
          }
        }
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        // What this chunk did is unknown; what follows is not tried.
        failures.push(
          ...chunks
            .slice(position)
            .flatMap((rest) => rest.map((id) => ({ id, error }))),
        );
        break;
      }
    }
    if (failures.length > 0) throw bulkError(ids, succeeded, failures);
    return succeeded;
  };

  return {
    supportAbortSignal: true,
    ...makeLive(schemas, options.live ?? null),

    getList: async <RecordType extends RaRecord>(
      resource: string,
      params: GetListParams & QueryFunctionContext,
    ) => (await readList(resource, params)) as ListResult<RecordType>,

    getManyReference: async <RecordType extends RaRecord>(
      resource: string,
      params: GetManyReferenceParams & QueryFunctionContext,
    ) =>
      (await readList(resource, {
        ...params,
        filter: referenceFilter(
          params.target,
          params.id,
          params.filter as Record<string, unknown> | undefined,
        ),
      })) as ListResult<RecordType>,

    getOne: async <RecordType extends RaRecord>(
      resource: string,
      params: GetOneParams<RecordType> & QueryFunctionContext,
    ) => ({
      data: (await readOne(
        resourceNamed(schemas, resource),
        params,
      )) as RecordType,
    }),

    getMany: async <RecordType extends RaRecord>(
      resource: string,
      params: GetManyParams<RecordType> & QueryFunctionContext,
    ) => {
      const schema = resourceNamed(schemas, resource);
      const meta = (params.meta ?? {}) as ReadMeta;
      const ids = params.ids.filter((id) => isPossibleId(schema, id));
      if (ids.length === 0) return { data: [] };
      const columns = meta.columns ? [...meta.columns].sort() : null;
      const records = await getManyBatched(
        JSON.stringify([resource, columns]),
        ids,
        params.signal,
      );
      return { data: inOrderOf(ids, records) as RecordType[] };
    },

    create: async <
      RecordType extends Omit<RaRecord, "id">,
      ResultRecordType extends RaRecord = RecordType & { id: Identifier },
    >(
      resource: string,
      params: CreateParams & Abortable,
    ) => {
      const schema = resourceNamed(schemas, resource);
      const mutation = mutationOf(schema, "create");
      const { hasOwnColumns, selection } = readSelection(schema, params);
      const data = await ask(
        buildMutation(schema, "create", mutation, selection, { hasOwnColumns }),
        buildCreateVariables(schema, mutation, params),
        { isRead: false, schema, signal: params.signal },
      );
      return {
        data: parseMutation(
          schemas,
          selection,
          mutation,
          data[mutation.field],
        ) as ResultRecordType,
      };
    },

    update: async <RecordType extends RaRecord>(
      resource: string,
      params: UpdateParams & Abortable,
    ) => {
      const schema = resourceNamed(schemas, resource);
      const mutation = mutationOf(schema, "update");
      if (!isPossibleId(schema, params.id)) throw notFound();
      const { hasOwnColumns, selection } = readSelection(schema, params);
      const variables = buildUpdateVariables(schema, mutation, params);
      if (variables === null) {
        return { data: (await readOne(schema, params)) as RecordType };
      }
      const data = await ask(
        buildMutation(schema, "update", mutation, selection, { hasOwnColumns }),
        variables,
        { isRead: false, schema, signal: params.signal },
      );
      return {
        data: parseMutation(
          schemas,
          selection,
          mutation,
          data[mutation.field],
        ) as RecordType,
      };
    },

    updateMany: async <RecordType extends RaRecord>(
      resource: string,
      params: UpdateManyParams & Abortable,
    ) => {
      const schema = resourceNamed(schemas, resource);
      const data = await bulk(
        schema,
        "updateMany",
        mutationOf(schema, "update"),
        params.ids,
        params.data as Record<string, unknown>,
        params.signal,
        ((params.meta ?? {}) as BulkMeta).versions,
      );
      return { data: data as RecordType["id"][] };
    },

    delete: async <RecordType extends RaRecord>(
      resource: string,
      params: DeleteParams<RecordType> & Abortable,
    ) => {
      const schema = resourceNamed(schemas, resource);
      const mutation = mutationOf(schema, "delete");
      if (!isPossibleId(schema, params.id)) throw notFound();
      const selection = selectKey(schema);
      const data = await ask(
        buildMutation(schema, "delete", mutation, selection, {
          hasOwnColumns: true,
        }),
        {
          input: buildBulkVariables(schema, mutation, [params.id], null)[
            "input0"
          ],
        },
        { isRead: false, schema, signal: params.signal },
      );
      const deleted = parseMutation(
        schemas,
        selection,
        mutation,
        data[mutation.field],
      );
      return { data: { ...params.previousData, ...deleted } as RecordType };
    },

    deleteMany: async <RecordType extends RaRecord>(
      resource: string,
      params: DeleteManyParams<RecordType> & Abortable,
    ) => {
      const schema = resourceNamed(schemas, resource);
      const data = await bulk(
        schema,
        "deleteMany",
        mutationOf(schema, "delete"),
        params.ids,
        null,
        params.signal,
      );
      return { data: data as RecordType["id"][] };
    },

    getAggregates: async (resource, params = {}) => {
      const schema = resourceNamed(schemas, resource);
      const list = listOf(schema);
      const data = await ask(
        buildAggregateQuery(schema, list, params),
        buildAggregateVariables(schemas, schema, params),
        { isRead: true, schema, signal: params.signal },
      );
      return parseAggregates(schema, params, data[list.field]);
    },

    mutate: async <Answer>(
      name: string,
      input: Record<string, unknown>,
      selection = "clientMutationId",
      custom: CustomOptions & { inputType?: string } = {},
    ) => {
      const data = await ask(
        buildCustomMutation(name, selection, custom.inputType),
        { input },
        {
          isRead: false,
          schema: custom.resource
            ? resourceNamed(schemas, custom.resource)
            : null,
          signal: custom.signal,
        },
      );
      return parseCustom(schemas, data[name], custom.types) as Answer;
    },

    query: async <Answer>(
      name: string,
      args: QueryArguments = {},
      selection = "",
      custom: CustomOptions = {},
    ) => {
      const data = await ask(
        buildCustomQuery(name, args, selection),
        buildCustomVariables(args),
        {
          isRead: true,
          schema: custom.resource
            ? resourceNamed(schemas, custom.resource)
            : null,
          signal: custom.signal,
        },
      );
      return parseCustom(schemas, data[name], custom.types) as Answer;
    },
  };
};

const errorAt = (
  errors: readonly GraphQLErrorBody[],
  alias: string,
): GraphQLErrorBody | undefined =>
  errors.find((error) => error.path?.[0] === alias);
