import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from "@jest/globals";
import {
  type RaRecord,
  useGetList,
  useGetManyReference,
  useListController,
  useReference,
  useTakeUndoableMutation,
  useUpdate,
} from "ra-core";

import { listTopic, useSubscribe } from "../src/index.ts";
import { runHooks } from "./headless.ts";
import { makeWorld } from "./world.ts";

type World = Awaited<ReturnType<typeof makeWorld>>;

const corner = "0190a1b2-0000-7000-8000-00000000000a";
const market = "0190a1b2-0000-7000-8000-00000000000b";

let world: World;
let close: () => void = () => undefined;

beforeAll(async () => {
  world = await makeWorld();
});

afterEach(() => {
  close();
});

afterAll(async () => {
  await world.close();
});

beforeEach(async () => {
  await world.database.owner.query(
    "truncate provider_test.shops, provider_test.things, provider_test.parts",
  );
  await world.database.owner.query(
    `insert into provider_test.shops (id, name, city)
       values ('${corner}', 'Corner', 'Lyon'), ('${market}', 'Market', null)`,
  );
  world.asked.length = 0;
});

const run = async <Value>(useValue: () => Value) => {
  const hooks = await runHooks(world.provider, useValue);
  close = hooks.close;
  return hooks;
};

const cityOf = async (id: string) => {
  const { rows } = await world.database.root.query<{ city: string | null }>(
    "select city from provider_test.shops where id = $1",
    [id],
  );
  return rows[0]?.city;
};

const byName = { field: "name", order: "ASC" } as const;

describe("react-admin's own hooks", () => {
  it("useGetList reads a page, its count and its meta in one request", async () => {
    const { until } = await run(() =>
      useGetList("shops", {
        pagination: { page: 1, perPage: 1 },
        sort: byName,
        meta: { count: { cap: 1 }, keyset: true },
      }),
    );
    const list = await until(({ isPending }) => !isPending);
    expect(list).toMatchObject({
      data: [{ name: "Corner" }],
      pageInfo: { hasNextPage: true, hasPreviousPage: false },
      meta: { count: { value: 1, capped: true } },
    });
    expect(list.total).toBeUndefined();
    expect(world.asked).toHaveLength(1);
  });

  it("useReference asks once for all the references of a page", async () => {
    const { until } = await run(() => [
      useReference({ reference: "shops", id: corner }),
      useReference({ reference: "shops", id: market }),
      useReference({ reference: "shops", id: corner }),
    ]);
    const found = await until((all) => all.every((one) => !one.isPending));
    expect(
      found.map(({ referenceRecord }) => referenceRecord?.["name"] as unknown),
    ).toEqual(["Corner", "Market", "Corner"]);
    expect(world.asked).toHaveLength(1);
  });

  it("useGetManyReference lists what points at a record", async () => {
    await world.database.owner.query(
      `insert into provider_test.things (shop_id, sku, name)
         values ('${corner}', 'A', 'one'), ('${market}', 'B', 'two')`,
    );
    const { until } = await run(() =>
      useGetManyReference("things", {
        target: "shopId",
        id: corner,
        pagination: { page: 1, perPage: 5 },
        sort: byName,
        filter: {},
      }),
    );
    expect(await until(({ isPending }) => !isPending)).toMatchObject({
      data: [{ name: "one" }],
      total: 1,
    });
  });

  const useEditing = () => {
    const list = useGetList<RaRecord>("shops", { sort: byName });
    const [update, state] = useUpdate();
    return { list, update, state, take: useTakeUndoableMutation() };
  };
  const cities = ({ list }: ReturnType<typeof useEditing>) =>
    (list.data ?? []).map((shop) => shop["city"] as unknown);
  const edit = (previousData: RaRecord | undefined) => ({
    id: corner,
    data: { ...previousData, city: "Paris" },
    previousData,
  });

  it("useUpdate shows an optimistic change at once and keeps what the server says", async () => {
    const { until } = await run(useEditing);
    const { update, list } = await until(({ list }) => !list.isPending);
    await update("shops", edit(list.data?.[0]), { mutationMode: "optimistic" });
    await until((value) => cities(value)[0] === "Paris");
    await until(({ state }) => state.isSuccess);
    await expect(cityOf(corner)).resolves.toBe("Paris");
  });

  it("useUpdate takes an optimistic change back that the server refuses", async () => {
    // ra-core prints what a provider refuses.
    const print = jest.spyOn(console, "error").mockReturnValue(undefined);
    const { until } = await run(useEditing);
    const { update, list } = await until(({ list }) => !list.isPending);
    await update(
      "shops",
      {
        id: corner,
        data: { ...list.data?.[0], name: "Market" },
        previousData: list.data?.[0],
      },
      { mutationMode: "optimistic" },
    );
    const { state } = await until((value) => value.state.isError);
    expect(state.error).toMatchObject({
      status: 409,
      body: { errors: { name: expect.any(String) } },
    });
    await until(({ list: now }) => now.data?.[0]?.["name"] === "Corner");
    print.mockRestore();
  });

  it("useUpdate sends an undoable change only when it is not undone", async () => {
    const { until } = await run(useEditing);
    const { update, list } = await until(({ list }) => !list.isPending);
    /** What the notification's button does. */
    const end = async (isUndo: boolean) => {
      for (;;) {
        const { take } = await until(() => true);
        const mutation = take();
        if (mutation) return mutation({ isUndo });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    };
    await update("shops", edit(list.data?.[0]), { mutationMode: "undoable" });
    await until((value) => cities(value)[0] === "Paris");
    await expect(cityOf(corner)).resolves.toBe("Lyon");
    await end(true);
    await until((value) => cities(value)[0] === "Lyon");
    await expect(cityOf(corner)).resolves.toBe("Lyon");

    await update("shops", edit(list.data?.[0]), { mutationMode: "undoable" });
    await until((value) => cities(value)[0] === "Paris");
    await end(false);
    await until(({ state }) => state.isSuccess);
    await expect(cityOf(corner)).resolves.toBe("Paris");
  });

  it("useSubscribe keeps a list live", async () => {
    const { until } = await run(() => {
      const list = useGetList<RaRecord>("shops", { sort: byName });
      useSubscribe(listTopic("shops"), () => void list.refetch());
      return list;
    });
    await until(({ isPending }) => !isPending);
    await world.database.owner.query(
      "insert into provider_test.shops (name) values ('Attic')",
    );
    await world.provider.publish(listTopic("shops"), { type: "created" });
    const list = await until(({ data }) => data?.length === 3);
    expect(list.total).toBe(3);
  });
});

describe("react-admin's list page of a table of 200,000 rows", () => {
  it("makes one request for each page, whichever way it goes", async () => {
    await world.database.owner.query(
      `insert into provider_test.events (happened_at, level, label)
         select timestamptz '2026-01-01Z' + n * interval '1 second', n % 7, 'x'
         from generate_series(1, 200000) n`,
    );
    const { until } = await run(() =>
      useListController<RaRecord>({
        resource: "events",
        sort: { field: "happenedAt", order: "DESC" },
        perPage: 25,
        disableSyncWithLocation: true,
        storeKey: false,
        queryOptions: {
          meta: { keyset: true, count: { cap: 10_000 }, columns: ["label"] },
        },
      }),
    );
    const shown = new Set<unknown>();
    let previous: unknown = null;
    for (const page of [1, 2, 3, 2, 1]) {
      (await until(() => true)).setPage(page);
      const list = await until(
        (value) =>
          value.page === page &&
          !value.isPlaceholderData &&
          !value.isFetching &&
          value.data !== undefined &&
          value.data[0]?.id !== previous,
      );
      previous = list.data?.[0]?.id;
      for (const { id } of list.data ?? []) shown.add(id);
      expect(list.meta).toMatchObject({
        count: { value: 10_000, capped: true },
      });
      expect(list.hasNextPage).toBe(true);
      if (page === 3) {
        expect(shown.size).toBe(75);
        expect(world.asked).toHaveLength(3);
      }
    }
    expect(shown.size).toBe(75);
    expect(world.asked).toHaveLength(5);
    expect(world.asked.map(({ rootFields }) => rootFields)).toEqual([
      2, 2, 2, 2, 2,
    ]);
    for (const { query } of world.asked) {
      expect(query).not.toContain("totalCount");
    }
  }, 240_000);
});
