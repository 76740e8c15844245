import type {
  GetListParams,
  Identifier,
  QueryFunctionContext,
  RaRecord,
} from "ra-core";

import type { Window } from "./buildQuery.ts";
import { buildCountQuery, buildListQuery } from "./buildQuery.ts";
import { buildOrderBy, buildPages } from "./buildVariables.ts";
import { selectColumns } from "./columns.ts";
import { buildListFilter, searchText } from "./filters.ts";
import type { Place, Seek } from "./keyset.ts";
import {
  makeMemory,
  narrowed,
  placeFilter,
  readPlace,
  seekBy,
  sortFields,
  writePlace,
} from "./keyset.ts";
import { parseList } from "./parseResponse.ts";
import type { Request } from "./request.ts";
import { listOf, resourceNamed } from "./resources.ts";
import type {
  Count,
  CountMode,
  Limits,
  ListMeta,
  ReadMeta,
  ResourceSchema,
  ResourceSchemas,
  SortItem,
  Variables,
} from "./types.ts";

export type ListResult<RecordType extends RaRecord<Identifier> = RaRecord> = {
  data: RecordType[];
  total?: number;
  pageInfo?: { hasNextPage: boolean; hasPreviousPage: boolean };
  meta?: ListMeta;
};

type Options = {
  schemas: ResourceSchemas;
  limits: Limits;
  ask: Request["ask"];
  count: CountMode;
  keyset: boolean;
};

/** Where a page starts and which way it is read. */
type Start = { seek: "offset"; offset: number } | { seek: Seek; place: Place };

type Edges = { start: Place | null; end: Place | null };

type Chunk = {
  data: RaRecord[];
  total: number | undefined;
  hasNextPage: boolean;
  hasPreviousPage: boolean;
  edges: Edges;
  isBeyondCap: boolean;
};

/** Lists whose pages are remembered, and pages of each. */
const rememberedLists = 100;
const rememberedPages = 200;

const isRow = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Where a row stands, or null where the API did not tell. */
const placeOf = (
  order: readonly SortItem[],
  cursor: unknown,
  node: unknown,
): Place | null =>
  isRow(node)
    ? {
        cursor: typeof cursor === "string" ? cursor : null,
        values: order.map(({ field }) => node[field] ?? null),
      }
    : null;

const countModeOf = (meta: ReadMeta, preset: CountMode): CountMode =>
  meta.count ?? (meta.total === false ? "none" : preset);

/**
 * Lists: their pages by number or by place, their counts exact, capped or none.
 * It remembers the edges of pages it has read, so that a neighbour is sought from
 * there, and which lists are short enough to be counted exactly.
 */
export const makeListReader = ({
  schemas,
  limits,
  ask,
  count: presetCount,
  keyset: presetKeyset,
}: Options) => {
  const pagesOf =
    makeMemory<ReturnType<typeof makeMemory<Edges>>>(rememberedLists);
  const isShort = makeMemory<boolean>(rememberedLists);

  return async (
    resource: string,
    params: GetListParams & QueryFunctionContext,
  ): Promise<ListResult> => {
    const schema = resourceNamed(schemas, resource);
    const list = listOf(schema);
    const meta = (params.meta ?? {}) as ReadMeta;
    const asked = params.filter as Record<string, unknown> | undefined;
    const filter = buildListFilter(schemas, schema, asked);
    const search = schema.search?.by === "argument" ? searchText(asked) : null;
    const searched: Variables = search === null ? {} : { search };
    const orderBy = buildOrderBy(schema, params.sort, meta.sort);
    const mode = countModeOf(meta, presetCount);
    const order = sortFields(schema, params.sort, meta.sort);
    const wanted = meta.keyset ?? presetKeyset;
    const by = wanted === false ? null : seekBy(schema, order);
    if (typeof wanted === "object" && by === null) {
      throw new Error(
        `${schema.name} cannot be paged by position in this order: one of ${order.map(({ field }) => field).join(", ")} cannot be compared.`,
      );
    }
    const keyset = by === null ? false : wanted;
    const isSeekable = by !== null;
    const selection = selectFor(
      schemas,
      schema,
      meta,
      isSeekable ? order.map(({ field }) => field) : [],
    );
    const request = { isRead: true, schema, signal: params.signal };
    const whole = JSON.stringify([resource, filter ?? null, search]);

    const read = async (
      start: Start,
      size: number,
      count: CountMode,
    ): Promise<Chunk> => {
      const window = windowOf(start, by);
      const isCapped = typeof count === "object";
      const operation = buildListQuery(schema, list, selection.selection, {
        hasOwnColumns: selection.hasOwnColumns,
        count: isCapped ? "capped" : count,
        seek: window,
        isNarrowed: start.seek !== "offset",
        withCursors: isSeekable,
      });
      const within = narrowed(
        filter,
        start.seek === "offset"
          ? null
          : placeFilter(schema, order, start.seek, start.place),
      );
      const data = await ask(
        operation,
        {
          ...(window === "before" || window === "last"
            ? { last: size }
            : { first: size }),
          ...(start.seek === "offset"
            ? { offset: start.offset }
            : window === "after" || window === "before"
              ? { [window]: start.place.cursor }
              : {}),
          orderBy,
          ...(within ? { filter: within } : {}),
          ...(start.seek !== "offset" && count !== "none" && filter
            ? { whole: filter }
            : {}),
          ...(isCapped ? { cap: count.cap } : {}),
          ...searched,
        },
        request,
      );
      const connection = data[list.field];
      const answer = parseList(schemas, selection.selection, connection);
      const row = isRow(connection) ? connection : {};
      const nodes = Array.isArray(row["nodes"])
        ? (row["nodes"] as unknown[])
        : [];
      const info = isRow(row["pageInfo"]) ? row["pageInfo"] : {};
      const counted = data["counted"];
      const beyond = data["beyond"];
      return {
        data: answer.data,
        total:
          isRow(counted) && typeof counted["totalCount"] === "number"
            ? counted["totalCount"]
            : answer.total,
        // What lies behind a place is known without asking.
        hasNextPage: start.seek === "before" || info["hasNextPage"] === true,
        hasPreviousPage:
          start.seek === "after" ||
          (start.seek === "offset" && start.offset > 0) ||
          info["hasPreviousPage"] === true,
        edges: {
          start: placeOf(order, info["startCursor"], nodes[0]),
          end: placeOf(order, info["endCursor"], nodes.at(-1)),
        },
        isBeyondCap:
          isRow(beyond) &&
          Array.isArray(beyond["nodes"]) &&
          beyond["nodes"].length > 0,
      };
    };

    const readCount = async (): Promise<number> => {
      const data = await ask(
        buildCountQuery(schema, list),
        { ...(filter ? { filter } : {}), ...searched },
        request,
      );
      const connection = data[list.field];
      return isRow(connection) && typeof connection["totalCount"] === "number"
        ? connection["totalCount"]
        : 0;
    };

    // One page of react-admin, in as many parts as the server's limit makes of it.
    const parts = buildPages(params.pagination, limits.pageSize);
    const perPage = parts.reduce((sum, part) => sum + part.first, 0);
    const offset = parts[0]?.offset ?? 0;
    const page = offset / perPage + 1;

    const key = JSON.stringify([whole, orderBy, perPage]);
    const known = pagesOf.get(key) ?? makeMemory<Edges>(rememberedPages);
    const start = startOf(keyset, orderBy, page, offset, known);

    // A list known to be short is counted at once, with its page.
    const shortKnown = isShort.get(whole) === true;
    const firstMode = typeof mode === "object" && shortKnown ? "exact" : mode;

    const chunks: Chunk[] = [];
    let next: Start = start;
    for (const part of parts) {
      const chunk = await read(
        next,
        part.first,
        chunks.length === 0 ? firstMode : "none",
      );
      if (next.seek === "before") chunks.unshift(chunk);
      else chunks.push(chunk);
      if (chunk.data.length < part.first) break;
      const place =
        next.seek === "before" ? chunk.edges.start : chunk.edges.end;
      if (isSeekable && place) {
        next = { seek: next.seek === "before" ? "before" : "after", place };
      } else if (next.seek === "offset") {
        next = { seek: "offset", offset: next.offset + part.first };
      } else break;
    }
    const first = chunks[0];
    const last = chunks.at(-1);
    if (!first || !last) return { data: [] };
    const told = chunks.find((chunk) => chunk.total !== undefined)?.total;
    const data = chunks.flatMap((chunk) => chunk.data);
    const edges: Edges = { start: first.edges.start, end: last.edges.end };
    if (keyset === true) {
      known.set(String(page), edges);
      pagesOf.set(key, known);
    }

    const isWhole =
      start.seek === "offset" &&
      !last.hasNextPage &&
      (data.length > 0 || start.offset === 0);
    const count: Count | null =
      typeof mode !== "object"
        ? null
        : told !== undefined
          ? { value: Math.min(told, mode.cap), capped: told > mode.cap }
          : isWhole
            ? { value: offset + data.length, capped: false }
            : chunks.some((chunk) => chunk.isBeyondCap)
              ? { value: mode.cap, capped: true }
              : { value: await readCount(), capped: false };
    if (count) isShort.set(whole, !count.capped);

    // A page that was counted exactly and not sought says it by its count.
    const hasMore =
      told !== undefined && !isSeekable
        ? offset + data.length < told
        : last.hasNextPage;
    const isUncounted = mode !== "exact";
    const total = count
      ? count.capped
        ? undefined
        : count.value
      : mode === "exact"
        ? told
        : undefined;
    const listMeta: ListMeta = {
      ...(count ? { count } : {}),
      ...(isSeekable
        ? {
            cursors: {
              start: edges.start ? writePlace(orderBy, edges.start) : null,
              end: edges.end ? writePlace(orderBy, edges.end) : null,
            },
          }
        : {}),
    };
    return {
      data,
      ...(total === undefined ? {} : { total }),
      ...(isUncounted || isSeekable
        ? {
            pageInfo: {
              hasNextPage: hasMore,
              hasPreviousPage: first.hasPreviousPage,
            },
          }
        : {}),
      ...(Object.keys(listMeta).length > 0 ? { meta: listMeta } : {}),
    };
  };
};

/** The page's columns, and the fields that places are made of. */
const selectFor = (
  schemas: ResourceSchemas,
  schema: ResourceSchema,
  meta: ReadMeta,
  sortedBy: readonly string[],
) => {
  const columns = meta.columns ?? schema.columns;
  const missing = sortedBy.filter(
    (field) => !columns.includes(field) && !schema.primaryKey.includes(field),
  );
  return {
    hasOwnColumns: meta.columns === undefined && missing.length === 0,
    selection: selectColumns(schemas, schema, [...columns, ...missing]),
  };
};

/** Which arguments make the page: a place by filter needs none but its size. */
const windowOf = (start: Start, by: "cursor" | "filter" | null): Window => {
  if (start.seek === "offset") return "offset";
  if (by === "cursor" && start.place.cursor !== null) return start.seek;
  return start.seek === "after" ? "first" : "last";
};

const startOf = (
  keyset: NonNullable<ReadMeta["keyset"]>,
  orderBy: readonly string[],
  page: number,
  offset: number,
  known: { get(key: string): Edges | undefined },
): Start => {
  if (typeof keyset === "object") {
    return "after" in keyset
      ? { seek: "after", place: readPlace(orderBy, keyset.after) }
      : { seek: "before", place: readPlace(orderBy, keyset.before) };
  }
  if (keyset && page > 1) {
    const previous = known.get(String(page - 1))?.end;
    if (previous) return { seek: "after", place: previous };
    const following = known.get(String(page + 1))?.start;
    if (following) return { seek: "before", place: following };
  }
  return { seek: "offset", offset };
};
