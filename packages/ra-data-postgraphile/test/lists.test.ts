import {
  afterAll,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";
import type { RaRecord } from "ra-core";

import type { ReadMeta } from "../src/index.ts";
import { resources } from "./resources.ts";
import { makeWorld } from "./world.ts";

type World = Awaited<ReturnType<typeof makeWorld>>;

let world: World;

beforeAll(async () => {
  world = await makeWorld();
});

afterAll(async () => {
  await world.close();
});

/** Many equal moments and levels, and labels that are often empty. */
const insertEvents = (count: number, from = 0) =>
  world.database.owner.query(
    `insert into provider_test.events (happened_at, level, label)
       select timestamptz '2026-01-01Z' + (n / 3) * interval '1 minute', n % 7,
         case when n % 4 = 0 then null else 'label ' || n % 5 end
       from generate_series($1::int, $2::int) n`,
    [from, from + count - 1],
  );

beforeEach(async () => {
  await world.database.owner.query("truncate provider_test.events");
  world.asked.length = 0;
  world.statements.length = 0;
});

const list = (
  page: number,
  perPage: number,
  sort: { field: string; order: "ASC" | "DESC" },
  meta: ReadMeta,
  provider = world.provider,
  filter: Record<string, unknown> = {},
) =>
  provider.getList<RaRecord>("events", {
    pagination: { page, perPage },
    sort,
    filter,
    meta,
  });

const idsOf = (records: readonly RaRecord[]) => records.map(({ id }) => id);

const everything = async (sort: { field: string; order: "ASC" | "DESC" }) =>
  idsOf((await list(1, 400, sort, { columns: [], total: false })).data);

const orders = (["happenedAt", "level", "label", "id"] as const).flatMap(
  (field) =>
    (["ASC", "DESC"] as const).map((order): [string, "ASC" | "DESC"] => [
      field,
      order,
    ]),
);

describe("pages by position", () => {
  it.each(orders)(
    "are the pages by number, forwards and backwards, by %s %s",
    async (field, order) => {
      await insertEvents(61);
      const sort = { field, order };
      const all = await everything(sort);
      expect(all).toHaveLength(61);
      const provider = world.providerOf(resources);
      const pages: unknown[][] = [];
      const meta = { keyset: true, count: "none" } as const;
      for (let page = 1; page <= 9; page += 1) {
        const answer = await list(page, 7, sort, meta, provider);
        pages.push(idsOf(answer.data));
        expect(answer.pageInfo).toEqual({
          hasNextPage: page < 9,
          hasPreviousPage: page > 1,
        });
      }
      expect(pages.flat()).toEqual(all);
      // Only the first page was counted off; every other was sought.
      expect(
        world.asked.slice(-9).map(({ variables }) => "offset" in variables),
      ).toEqual([true, ...Array<boolean>(8).fill(false)]);

      const back: unknown[][] = [];
      let cursor = (await list(9, 7, sort, meta, provider)).meta?.cursors
        ?.start as string | null;
      while (cursor !== null) {
        const answer = await list(1, 7, sort, {
          ...meta,
          keyset: { before: cursor },
        });
        back.unshift(idsOf(answer.data));
        cursor = answer.pageInfo?.hasPreviousPage
          ? (answer.meta?.cursors?.start as string)
          : null;
      }
      expect(back.flat()).toEqual(all.slice(0, 56));
    },
  );

  it.each(orders)(
    "neither repeat nor miss a row while others insert, by %s %s",
    async (field, order) => {
      await insertEvents(40);
      const sort = { field, order };
      const before = await everything(sort);
      const provider = world.providerOf(resources);
      const seen: unknown[] = [];
      for (let page = 1; page <= 60; page += 1) {
        const answer = await list(
          page,
          6,
          sort,
          { keyset: true, total: false },
          provider,
        );
        seen.push(...idsOf(answer.data));
        if (!answer.pageInfo?.hasNextPage) break;
        // At every place of the order, before and after this page.
        if (page < 8) await insertEvents(9, page * 4);
      }
      expect(new Set(seen).size).toBe(seen.length);
      expect(seen.filter((id) => before.includes(id as string))).toEqual(
        before,
      );
    },
  );

  it("by number do repeat a row then, which is why", async () => {
    await insertEvents(12);
    const sort = { field: "happenedAt", order: "DESC" } as const;
    const first = await list(1, 6, sort, {});
    await insertEvents(3, 100);
    const second = await list(2, 6, sort, {});
    expect(
      idsOf(second.data).filter((id) => idsOf(first.data).includes(id)),
    ).toHaveLength(3);
  });

  it("go back to the page before from where they are", async () => {
    await insertEvents(40);
    const sort = { field: "happenedAt", order: "DESC" } as const;
    const provider = world.providerOf(resources);
    const meta = { keyset: true, total: false } as const;
    // A deep link: nothing is remembered yet.
    const third = await list(3, 5, sort, meta, provider);
    await insertEvents(5, 200);
    const second = await list(2, 5, sort, meta, provider);
    expect(world.asked.map(({ variables }) => Object.keys(variables))).toEqual([
      ["first", "offset", "orderBy"],
      ["last", "before", "orderBy", "filter"],
    ]);
    const all = await everything(sort);
    const position = all.indexOf(third.data[0]?.id ?? "");
    expect(idsOf(second.data)).toEqual(all.slice(position - 5, position));
  });

  it("read columns, relations and filters as any page", async () => {
    await insertEvents(30);
    const answer = await list(
      1,
      4,
      { field: "happenedAt", order: "DESC" },
      { keyset: true, columns: ["label"], count: "exact" },
      world.provider,
      { "level@gte": 3 },
    );
    const next = await list(
      1,
      4,
      { field: "happenedAt", order: "DESC" },
      {
        keyset: { after: answer.meta?.cursors?.end as string },
        columns: ["label"],
      },
      world.provider,
      { "level@gte": 3 },
    );
    // The bound of the page does not narrow the count.
    expect(next.total).toBe(answer.total);
    expect(Object.keys(next.data[0] ?? {}).sort()).toEqual([
      "happenedAt",
      "id",
      "label",
      "rowId",
    ]);
    expect(world.asked).toHaveLength(2);
    expect(world.asked[1]?.variables["filter"]).toEqual({
      and: [
        { level: { greaterThanOrEqualTo: 3 } },
        { happenedAt: { lessThanOrEqualTo: expect.any(String) } },
      ],
    });
  });

  it("larger than the server serves at once are read in parts, each sought", async () => {
    await insertEvents(50);
    const sort = { field: "level", order: "ASC" } as const;
    const provider = world.providerOf(resources, {
      limits: { pageSize: 8 },
      keyset: true,
    });
    const all = await everything(sort);
    world.asked.length = 0;
    const first = await list(1, 20, sort, { total: false }, provider);
    const second = await list(2, 20, sort, { total: false }, provider);
    expect([...idsOf(first.data), ...idsOf(second.data)]).toEqual(
      all.slice(0, 40),
    );
    expect(
      world.asked.map(({ variables }) => [
        "after" in variables,
        variables["first"],
      ]),
    ).toEqual([
      [false, 8],
      [true, 8],
      [true, 4],
      [true, 8],
      [true, 8],
      [true, 4],
    ]);
  });

  it("refuse a place of another order, or none at all", async () => {
    await insertEvents(9);
    const sort = { field: "level", order: "ASC" } as const;
    const { meta } = await list(1, 3, sort, { keyset: true });
    const after = meta?.cursors?.end as string;
    await expect(
      list(1, 3, { field: "label", order: "ASC" }, { keyset: { after } }),
    ).rejects.toThrow("belongs to a list in another order");
    await expect(list(1, 3, sort, { keyset: { after: "3" } })).rejects.toThrow(
      "not a place in a list",
    );
  });
});

const byTime = { field: "happenedAt", order: "DESC" } as const;

describe("a capped count", () => {
  const cap10 = { count: { cap: 10 } };

  it("is exact where the page shows the end, without counting", async () => {
    await insertEvents(4);
    expect(await list(1, 5, byTime, cap10)).toMatchObject({
      total: 4,
      meta: { count: { value: 4, capped: false } },
      pageInfo: { hasNextPage: false, hasPreviousPage: false },
    });
    expect(world.asked).toHaveLength(1);
    expect(world.asked[0]?.query).not.toContain("totalCount");
  });

  it("is exact below the cap, and then part of the page's own request", async () => {
    await insertEvents(10);
    const provider = world.providerOf(resources);
    for (const page of [1, 2]) {
      expect(await list(page, 3, byTime, cap10, provider)).toMatchObject({
        total: 10,
        meta: { count: { value: 10, capped: false } },
      });
    }
    expect(world.asked.map(({ operationName }) => operationName)).toEqual([
      "events_getListCapped",
      "events_count",
      "events_getList",
    ]);
  });

  it("says no more than that there are more above it", async () => {
    await insertEvents(11);
    const answer = await list(2, 3, byTime, cap10);
    expect(answer).not.toHaveProperty("total");
    expect(answer.meta).toEqual({ count: { value: 10, capped: true } });
    expect(answer.pageInfo).toEqual({
      hasNextPage: true,
      hasPreviousPage: true,
    });
    expect(world.asked).toHaveLength(1);
  });

  it("follows a list that grows over the cap, or is filtered", async () => {
    await insertEvents(8);
    const provider = world.providerOf(resources, { count: { cap: 10 } });
    await list(1, 3, byTime, {}, provider);
    await insertEvents(8, 20);
    expect((await list(1, 3, byTime, {}, provider)).meta).toEqual({
      count: { value: 10, capped: true },
    });
    expect(
      (await list(1, 3, byTime, {}, provider, { level: 1 })).meta?.count,
    ).toEqual({ value: 2, capped: false });
    await world.database.owner.query("delete from provider_test.events");
    expect(await list(1, 3, byTime, {}, provider)).toMatchObject({
      data: [],
      total: 0,
    });
  });

  it("counts what refers to a record", async () => {
    await insertEvents(30);
    const provider = world.providerOf(resources, { count: { cap: 3 } });
    const answer = await provider.getManyReference("events", {
      target: "level",
      id: 1,
      filter: {},
      sort: byTime,
      pagination: { page: 1, perPage: 2 },
      meta: { keyset: true },
    });
    expect(answer.meta).toMatchObject({ count: { value: 3, capped: true } });
    expect(world.asked).toHaveLength(1);
  });
});

describe("a table of 200,000 rows", () => {
  const cap = 10_000;
  const meta = { keyset: true, count: { cap } } as const;

  const rowsReadBy = async (read: () => Promise<unknown>) => {
    world.asked.length = 0;
    world.statements.length = 0;
    await read();
    const selects = world.statements.filter(({ text }) =>
      /from "provider_test"\."events"/.test(text),
    );
    const rows: number[] = [];
    for (const select of selects) rows.push(await world.countRowsRead(select));
    return {
      requests: world.asked.length,
      counts: selects.filter(({ text }) => /count\(/i.test(text)).length,
      rows,
    };
  };

  it("is listed with one request a page, no full count, and no row read in vain", async () => {
    await insertEvents(200_000);
    await world.database.owner.query("vacuum analyze provider_test.events");
    const provider = world.providerOf(resources);
    const sort = { field: "happenedAt", order: "DESC" } as const;
    const first = await rowsReadBy(() => list(1, 25, sort, meta, provider));
    expect(first).toMatchObject({ requests: 1, counts: 0 });
    // The page (and one to see whether more follow), and as far as the cap.
    expect(Math.max(...first.rows)).toBeLessThanOrEqual(cap + 1);

    // As deep as it goes: the page before is known by its place.
    await list(6000, 25, sort, { ...meta, count: "none" }, provider);
    const deep = await rowsReadBy(() =>
      list(6001, 25, sort, { ...meta, count: "none" }, provider),
    );
    expect(deep).toMatchObject({ requests: 1, counts: 0 });
    expect(deep.rows).toHaveLength(1);
    expect(deep.rows[0]).toBeLessThan(60);

    // By number the same page reads every row before it.
    const byNumber = await rowsReadBy(() =>
      list(6001, 25, sort, { total: false }, provider),
    );
    expect(byNumber.rows[0]).toBeGreaterThan(150_000);

    // The same upwards, for a field that is never empty.
    const up = { field: "happenedAt", order: "ASC" } as const;
    await list(6000, 25, up, { ...meta, count: "none" }, provider);
    const risen = await rowsReadBy(() =>
      list(6001, 25, up, { ...meta, count: "none" }, provider),
    );
    expect(risen.rows[0]).toBeLessThan(60);
  }, 240_000);
});
