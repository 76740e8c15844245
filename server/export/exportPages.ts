import { setTimeout as sleep } from "node:timers/promises";

import type { ExecutionResult } from "graphql";
import { placeFilter, seekBy } from "ra-data-postgraphile/keyset";

import { AppError } from "../errors.ts";
import { refuseVariables } from "../graphile/measureDocument.ts";
import type { ExportColumn, ExportRequest } from "./parseExportRequest.ts";
import { fieldsOf } from "./seekRows.ts";

/** As many as one page may hold; memory stays that of one page. */
const PAGE_ROWS = 500;

export type ExportRow = readonly unknown[];

export type ExecuteGraphQL = (
  source: string,
  variables: Record<string, unknown>,
) => Promise<ExecutionResult>;

export type ExportPage = {
  /** Rows in the whole list, counted with the first page. */
  total: number;
  rows: ExportRow[];
};

type Node = Record<string, unknown>;

type Answer = {
  list: {
    totalCount?: number;
    nodes: Node[];
    pageInfo: { hasNextPage: boolean; endCursor: string | null };
  };
};

/**
 * All rows of a list, page after page, each an ordinary query of the caller: the
 * same policies, filters and limits, and no transaction that stays open while a
 * slow reader reads. Rows that change meanwhile are as they are when their page
 * is read. Without an order of its own it seeks by primary key, which costs the
 * same on the last page as on the first.
 */
export async function* exportPages(
  { resource, columns, filter, orderBy }: ExportRequest,
  execute: ExecuteGraphQL,
  signal: AbortSignal,
): AsyncGenerator<ExportPage, void, undefined> {
  const refusal = refuseVariables({ filter, orderBy });
  if (refusal !== null) {
    throw new AppError("LIMIT", refusal.message, { field: "filter" });
  }
  const { schema } = resource;
  const list = schema.list;
  if (list === null) throw new AppError("NTFND");
  // By its key alone a row's place is one range of an index.
  const byKey = orderBy.length === 0 && !schema.id.node;
  const order = orderBy.some((value) => value.startsWith("PRIMARY_KEY_"))
    ? orderBy
    : [...orderBy, "PRIMARY_KEY_ASC"];
  // As the data provider pages: PostGraphile's cursor where no field that is sorted
  // by may be empty, else the place of the last row as a filter. What cannot be
  // compared is counted off, which costs more with each page.
  const fields = fieldsOf(resource, order);
  const seek = fields === null ? null : seekBy(schema, fields);
  const keys = byKey
    ? [schema.id.field]
    : seek === "filter"
      ? (fields ?? []).map(({ field }) => field)
      : [];
  const query = (first: boolean) =>
    `query Export($filter: ${list.filterType}, $orderBy: [${list.orderByType}!], $after: Cursor, $offset: Int) {
  list: ${list.field}(first: ${PAGE_ROWS}, after: $after, offset: $offset, filter: $filter, orderBy: $orderBy) {
    ${first ? "totalCount" : ""}
    nodes { ${selection(columns, keys)} }
    pageInfo { hasNextPage endCursor }
  }
}`;
  let total = 0;
  let after: string | null = null;
  let offset: number | null = null;
  let place: readonly object[] = [];
  for (let page = 0; ; page++) {
    signal.throwIfAborted();
    const parts = [...(filter === null ? [] : [filter]), ...place];
    const result = await execute(query(page === 0), {
      // An absent filter is left out: the API refuses null as one.
      ...(parts.length > 0 && {
        filter: parts.length > 1 ? { and: parts } : parts[0],
      }),
      orderBy: order,
      after,
      offset,
    });
    const [error] = result.errors ?? [];
    if (error !== undefined) {
      // Without a path nothing was run: the variables do not fit their types.
      throw error.path === undefined
        ? new AppError(
            "INVAL",
            `${resource.label} cannot be filtered or sorted this way`,
            { field: "filter", hint: "Send what the list itself sends" },
          )
        : (error.originalError ?? error);
    }
    const { list: answer } = result.data as Answer;
    if (page === 0) total = answer.totalCount ?? 0;
    yield {
      total,
      rows: answer.nodes.map((node) =>
        columns.map(({ path }) =>
          path.reduce<unknown>(
            (value, key) => (value as Node | null)?.[key] ?? null,
            node,
          ),
        ),
      ),
    };
    if (!answer.pageInfo.hasNextPage) return;
    const last = answer.nodes.at(-1) ?? {};
    if (byKey) {
      place = [{ [schema.id.field]: { greaterThan: last[schema.id.field] } }];
    } else if (seek === "filter") {
      const later = placeFilter(schema, fields ?? [], "after", {
        cursor: null,
        values: keys.map((key) => last[key]),
      });
      place = later === null ? [] : [later];
    } else if (seek === "cursor") {
      after = answer.pageInfo.endCursor;
    } else {
      offset = (offset ?? 0) + answer.nodes.length;
    }
    // Others get their turn between two pages.
    await sleep(0);
  }
}

function selection(
  columns: readonly ExportColumn[],
  keys: readonly string[],
): string {
  const own = new Set(keys);
  const far = new Map<string, Set<string>>();
  for (const { path } of columns) {
    const [head = "", tail] = path;
    if (tail === undefined) own.add(head);
    else far.set(head, (far.get(head) ?? new Set()).add(tail));
  }
  return [
    ...own,
    ...Array.from(
      far,
      ([head, tails]) => `${head} { ${[...tails].join(" ")} }`,
    ),
  ].join(" ");
}
