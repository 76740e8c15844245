import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  it,
} from "@jest/globals";
import { type Client, createClient } from "graphql-ws";
import pg from "pg";
import { WebSocket } from "ws";

import {
  createTestDatabase,
  type TestActor,
  type TestDatabase,
} from "../helpers/database.ts";
import {
  buildProduct,
  buildStorageObject,
  buildUser,
  buildWardrobeItem,
} from "../helpers/factories.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";
import { addProducts, makeWorld, type World } from "./twoBrands.ts";

let db: TestDatabase;
let api: TestApi;
let world: World;
const clients: Client[] = [];

beforeAll(async () => {
  db = await createTestDatabase();
  world = await makeWorld(db);
  api = await makeTestApi(db);
});

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.dispose()));
});

afterAll(async () => {
  await api?.close();
  await db?.drop();
});

const CHANGED = `subscription Watch($tables: [String!]!) {
  rowsChanged(tables: $tables) { table rowIds at }
}`;

type Changed = { table: string; rowIds: string[] | null; at: string };
type Event = {
  data?: { rowsChanged: Changed | null } | null;
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[];
};
type Events = AsyncIterableIterator<Event>;

function connect(actor: TestActor) {
  const socket = api.socketUrl(actor);
  let closed: (code: number) => void;
  const closeCode = new Promise<number>((resolve) => {
    closed = resolve;
  });
  const client = createClient({
    url: socket.url,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    on: { closed: (event) => closed((event as { code: number }).code) },
  });
  clients.push(client);
  return {
    become: socket.become,
    closeCode,
    watch: (...tables: string[]) =>
      client.iterate({ query: CHANGED, variables: { tables } }) as Events,
    iterate: (query: string, variables?: Record<string, unknown>) =>
      client.iterate({
        query,
        ...(variables === undefined ? {} : { variables }),
      }) as Events,
  };
}

const MARKER = "marker-";
let markers = 0;

async function changedIn(events: Events): Promise<Changed> {
  const changed = await nextIn(events);
  const rowIds = changed.rowIds?.filter((id) => !id.startsWith(MARKER)) ?? null;
  // Of nothing but the markers of another subscription.
  return rowIds?.length === 0 ? changedIn(events) : { ...changed, rowIds };
}

async function nextIn(events: Events): Promise<Changed> {
  const { value, done } = await events.next();
  if (done === true) throw new Error("The subscription ended");
  const event = value as Event;
  expect(event.errors).toBeUndefined();
  if (!event.data?.rowsChanged) throw new Error("An event without rows");
  return event.data.rowsChanged;
}

/**
 * Until the next event is of what the test does. A transaction of any database
 * of this server, so of any other test, may have the table told of once more,
 * and an event that names no row would hide those that it gathered.
 */
async function quiet(
  actor: TestActor,
  events: Events,
  table: string,
): Promise<void> {
  await api.live.settled();
  for (;;) {
    const key = `${MARKER}${++markers}`;
    await db.root.query("select pg_notify('app_rows', $1)", [
      JSON.stringify({
        table,
        scope: "user",
        id: actor.userId,
        tenant: false,
        keys: [key],
      }),
    ]);
    for (;;) {
      const { rowIds } = await nextIn(events);
      if (rowIds?.includes(key)) return;
      if (rowIds === null) break;
    }
  }
}

/** A subscription that is told of everything from here on. */
async function watching(actor: TestActor, ...tables: string[]) {
  const connection = connect(actor);
  const events = connection.watch(...tables);
  const opened = new Set<string>();
  while (opened.size < tables.length) {
    const { table, rowIds } = await nextIn(events);
    expect(rowIds).toBeNull();
    opened.add(table);
  }
  for (const table of tables) await quiet(actor, events, table);
  return { ...connection, events };
}

/** What is told before `id` is, which is told last. */
async function idsUntil(events: Events, id: string): Promise<string[]> {
  const ids: string[] = [];
  while (!ids.includes(id)) {
    const { rowIds } = await changedIn(events);
    ids.push(...(rowIds ?? []));
  }
  return ids;
}

async function productOf(brandId: string): Promise<string> {
  const client = await db.root.connect();
  try {
    return (await buildProduct(client, { brand_id: brandId })).id;
  } finally {
    client.release();
  }
}

async function touch(...ids: string[]): Promise<void> {
  await db.root.query(
    "update app_public.products set color = 'Red' where id = any ($1)",
    [ids],
  );
}

/** A try-on that the brand asked for itself and that waits. */
async function tryonOf(brandId: string): Promise<string> {
  const product = await productOf(brandId);
  const { rows } = await db.root.query<{ id: string }>(
    `with file as (
       insert into app_public.storage_objects (key, owner_brand_id, kind, content_type, bytes, status, sha256)
       values ('selfie/' || gen_random_uuid() || '.png', $1, 'selfie', 'image/png', 4, 'available', sha256('x'))
       returning key
     )
     select key as id from file, app_private.add_grant(null, $1, 'promo', 9)`,
    [brandId],
  );
  const { rows: jobs } = await db.root.query<{ id: string }>(
    `select (app_private.create_tryon(null, $1, p.category_code, $2, array[p.id], '{}', null, null)).id
       from app_public.products p where p.id = $3`,
    [brandId, rows[0]?.id, product],
  );
  return jobs[0]?.id ?? "";
}

/** Touches jobs, one statement each. */
async function bump(...ids: string[]): Promise<void> {
  for (const id of ids)
    await db.root.query(
      "update app_public.tryon_jobs set priority = priority where id = $1",
      [id],
    );
}

/** The ids told until `id` is; changes once more after an event that names none. */
async function toldUntil(
  events: Events,
  id: string,
  change: () => Promise<void>,
): Promise<string[]> {
  const ids = new Set<string>();
  while (!ids.has(id)) {
    const { rowIds } = await nextIn(events);
    if (rowIds === null) await change();
    for (const told of rowIds ?? []) ids.add(told);
  }
  return [...ids];
}

describe("a subscription to rows", () => {
  it("tells a member which rows of the brand were inserted, updated and deleted", async () => {
    const { events } = await watching(world.lumiere.viewer, "products");
    const id = await productOf(world.lumiere.id);
    expect(await idsUntil(events, id)).toContain(id);
    await touch(id);
    const { table, rowIds, at } = await changedIn(events);
    expect({ table, rowIds }).toEqual({ table: "products", rowIds: [id] });
    expect(Date.parse(at)).not.toBeNaN();
    await db.root.query("delete from app_public.products where id = $1", [id]);
    expect((await changedIn(events)).rowIds).toEqual([id]);
  });

  it("tells nobody of another brand, nor a shopper, and staff of all", async () => {
    const ours = await productOf(world.lumiere.id);
    const theirs = await productOf(world.northside.id);
    const lumiere = await watching(world.lumiere.manager, "products");
    const northside = await watching(world.northside.manager, "products");
    const staff = await watching(world.staff, "products");
    const shopper = await watching(
      world.shopper,
      "products",
      "wardrobe_categories",
    );
    await touch(ours, theirs);
    expect(await idsUntil(lumiere.events, ours)).toEqual([ours]);
    expect(await idsUntil(northside.events, theirs)).toEqual([theirs]);
    const told = await changedIn(staff.events);
    expect([...(told.rowIds ?? [])].sort()).toEqual([ours, theirs].sort());
    // A table of nobody's is everybody's, and comes after what was not told.
    await db.root.query(
      "update app_public.wardrobe_categories set sort = sort where code = 'tops'",
    );
    expect(await changedIn(shopper.events)).toMatchObject({
      table: "wardrobe_categories",
      rowIds: ["tops"],
    });
  });

  it("tells a person of the own rows, and nobody else of them", async () => {
    const client = await db.root.connect();
    const neighbour = await buildUser(client);
    const mine = await watching(world.shopper, "wardrobe_items");
    try {
      await buildWardrobeItem(client, { user_id: neighbour.id });
      const { id } = await buildWardrobeItem(client, {
        user_id: world.shopper.userId ?? "",
      });
      expect(await idsUntil(mine.events, id)).toEqual([id]);
    } finally {
      client.release();
    }
  });

  it("tells a person of the own import", async () => {
    const client = await db.root.connect();
    try {
      const user_id = world.shopper.userId ?? "";
      const { key } = await buildStorageObject(client, {
        owner_user_id: user_id,
        owner_brand_id: null,
        kind: "import",
      });
      const mine = await watching(world.shopper, "import_runs");
      const { rows } = await client.query<{ id: string }>(
        `insert into app_public.import_runs
           (user_id, requested_by, requested_role, filename, storage_key, target, method)
         values ($1, $1, 'closetai_user', 'wardrobe.csv', $2, 'wardrobe_items', 'table')
         returning id`,
        [user_id, key],
      );
      const id = rows[0]?.id ?? "";
      expect(await idsUntil(mine.events, id)).toEqual([id]);
    } finally {
      client.release();
    }
  });

  it("keeps the views of colleagues and of people from everybody, staff too", async () => {
    const make = async (actor: TestActor, name: string) => {
      const { rows } = await db.root.query<{ id: string }>(
        `insert into app_public.saved_views (user_id, brand_id, resource, name, view)
           values ($1, $2, 'products', $3, '{}') returning id`,
        [actor.userId, actor.brandId ?? null, name],
      );
      return rows[0]?.id ?? "";
    };
    const owner = await watching(world.lumiere.owner, "saved_views");
    const staff = await watching(world.staff, "saved_views");
    await make(world.lumiere.viewer, "Live: of a colleague");
    const own = await make(world.lumiere.owner, "Live: own");
    const ofStaff = await make(world.staff, "Live: of staff");
    expect(await idsUntil(owner.events, own)).toEqual([own]);
    expect(await idsUntil(staff.events, ofStaff)).toEqual([ofStaff]);
  });

  it("tells both the brand and the person of what concerns both", async () => {
    const { viewer, manager } = world.lumiere;
    const brand = await watching(manager, "brand_members");
    const person = await watching(
      { role: "closetai_user", userId: viewer.userId ?? "" },
      "brand_members",
    );
    await db.root.query(
      "update app_public.brand_members set role = role where user_id = $1",
      [viewer.userId],
    );
    // A key of two columns is not told.
    expect((await changedIn(brand.events)).rowIds).toBeNull();
    expect((await changedIn(person.events)).rowIds).toBeNull();
  });

  it("tells a brand of its try-ons through the view that hides their shoppers", async () => {
    const ours = await tryonOf(world.lumiere.id);
    const theirs = await tryonOf(world.northside.id);
    const viewer = connect(world.lumiere.viewer).watch("brand_tryon_jobs");
    const staff = connect(world.staff).watch("tryon_jobs");
    const told = await toldUntil(viewer, ours, () => bump(theirs, ours));
    expect(told).toEqual([ours]);
    const all = await toldUntil(staff, ours, () => bump(theirs, ours));
    expect(all.sort()).toEqual([theirs, ours].sort());
  });

  it("tells a person of the own wallet, without the keys of its accounts", async () => {
    const wallet = connect(world.shopper).watch("user_credits");
    await nextIn(wallet);
    await api.live.settled();
    // What was gathered before may still come: three changes, three events.
    for (const amount of [1, 2, 3]) {
      await db.root.query(
        "select app_private.add_grant($1, null, 'promo', $2)",
        [world.shopper.userId, amount],
      );
      expect(await nextIn(wallet)).toMatchObject({
        table: "user_credits",
        rowIds: null,
      });
    }
  });

  it.each([
    ["viewer", "brand_credits"],
    ["viewer", "tryon_jobs"],
    ["shopper", "brand_tryon_jobs"],
    ["shopper", "brand_credits"],
  ] as const)("refuses the %s who asks for %s", async (who, view) => {
    const actor = who === "viewer" ? world.lumiere.viewer : world.shopper;
    const { value } = await connect(actor).watch(view).next();
    expect((value as Event).errors?.[0]?.extensions).toMatchObject({
      code: "NTFND",
      field: "tables",
    });
  });

  it.each([
    ["anonymous", "products", "LOGIN", undefined],
    ["shopper", "category_mappings", "NTFND", "tables"],
    ["shopper", "nothing", "NTFND", "tables"],
    ["shopper", 'a"b\u0000', "NTFND", "tables"],
    ["shopper", "x".repeat(5_000), "NTFND", "tables"],
    ["shopper", "currencies", "INVAL", "tables"],
  ] as const)(
    "refuses %s who asks for %j with %s",
    async (who, table, code, field) => {
      const actor =
        who === "shopper"
          ? world.shopper
          : { role: "closetai_anonymous", userId: null };
      const { value } = await connect(actor).watch(table).next();
      const { errors } = value as Event;
      expect(errors?.[0]?.message.length).toBeGreaterThan(10);
      expect(errors?.[0]?.extensions).toMatchObject({
        code,
        ...(field === undefined ? {} : { field }),
      });
    },
  );

  it("refuses no table and too many tables", async () => {
    for (const [tables, code] of [
      [[], "INVAL"],
      [Array.from({ length: 21 }, (_, n) => `t${n}`), "LIMIT"],
    ] as const) {
      const { value } = await connect(world.shopper)
        .watch(...tables)
        .next();
      expect((value as Event).errors?.[0]?.extensions).toMatchObject({
        code,
        field: "tables",
      });
    }
  });

  it("ends at the next event once the membership ended, and tells nothing of it", async () => {
    const id = await productOf(world.lumiere.id);
    const connection = await watching(world.lumiere.manager, "products");
    connection.become({
      role: "closetai_user",
      userId: world.lumiere.manager.userId ?? null,
    });
    await touch(id);
    expect((await connection.events.next()).done).toBe(true);
  });

  it("ends with the session", async () => {
    const id = await productOf(world.lumiere.id);
    const connection = await watching(world.lumiere.manager, "products");
    connection.become({ role: "closetai_anonymous", userId: null });
    await touch(id);
    expect(await connection.closeCode).toBe(4401);
  });

  it("makes few events of 2,000 changes", async () => {
    const id = await productOf(world.lumiere.id);
    const { events } = await watching(world.lumiere.viewer, "products");
    await db.root.query(
      `do $$ begin for n in 1..2000 loop
         update app_public.products set year = 2000 + n % 20 where id = '${id}'; commit;
       end loop; end $$`,
    );
    const last = await productOf(world.lumiere.id);
    const seen: Changed[] = [];
    while (seen.at(-1)?.rowIds?.includes(last) !== true)
      seen.push(await changedIn(events));
    // Four a second at most: however slow this machine is, far below 2,000.
    expect(seen.length).toBeLessThan(200);
    const times = seen.map(({ at }) => Date.parse(at));
    for (const [index, at] of times.entries())
      if (index > 0) expect(at - (times[index - 1] ?? 0)).toBeGreaterThan(200);
  });

  it("says that anything may have changed when more than a hundred rows did", async () => {
    const { events } = await watching(world.northside.viewer, "products");
    await addProducts(db, world.northside.id, 101);
    expect((await changedIn(events)).rowIds).toBeNull();
  });

  it("goes on after the listening connection was cut, and says so", async () => {
    const { events } = await watching(world.lumiere.manager, "products");
    const { rowCount } = await db.root.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'closetai live' and datname = current_database()`,
    );
    expect(rowCount).toBe(1);
    // By itself: what was missed meanwhile is not lost.
    expect((await changedIn(events)).rowIds).toBeNull();
    await quiet(world.lumiere.manager, events, "products");
    const id = await productOf(world.lumiere.id);
    expect(await idsUntil(events, id)).toContain(id);
  });

  it("tells what a transaction commits that had found nobody listening", async () => {
    const id = await productOf(world.lumiere.id);
    const writer = await db.root.connect();
    try {
      await writer.query("begin");
      await writer.query(
        "update app_public.products set color = 'Blue' where id = $1",
        [id],
      );
      const events = connect(world.lumiere.manager).watch("products");
      expect((await changedIn(events)).rowIds).toBeNull();
      await writer.query("commit");
      expect((await changedIn(events)).table).toBe("products");
    } finally {
      writer.release();
    }
  });

  it("notifies nobody while nobody watches", async () => {
    await Promise.all(clients.splice(0).map((client) => client.dispose()));
    const id = await productOf(world.lumiere.id);
    const listener = await db.root.connect();
    const told: string[] = [];
    listener.on("notification", ({ payload }) => told.push(payload ?? ""));
    try {
      await listener.query("listen app_rows");
      // The lock of the table goes with its last subscriber.
      const locked = async () => {
        const { rows } = await db.root.query(
          `select from pg_locks where locktype = 'advisory' and classid = 7264106
             and database = (select oid from pg_database where datname = current_database())`,
        );
        return rows.length > 0;
      };
      while (await locked())
        await new Promise((resolve) => setTimeout(resolve, 20));
      await touch(id);
      await listener.query("select pg_notify('app_rows', 'last')");
      while (!told.includes("last")) await listener.query("select 1");
      expect(told).toEqual(["last"]);
    } finally {
      await listener.query("unlisten *");
      listener.release(true);
    }
  });

  it("is one of two hundred at most for each person", async () => {
    const person = world.northside.analyst;
    const errors = await Promise.all(
      Array.from({ length: 5 }, () => connect(person)).flatMap((connection) =>
        Array.from({ length: 41 }, async () => {
          const { value } = await connection.watch("products").next();
          return (value as Event).errors?.[0]?.extensions?.["code"];
        }),
      ),
    );
    expect(errors.filter((code) => code === "LIMIT")).toHaveLength(5);
    expect(errors.filter((code) => code === undefined)).toHaveLength(200);
  });
});

describe("the listening connection", () => {
  it("is asked one thing at a time, however many tables open at once", async () => {
    const ask = pg.Client.prototype.query;
    const asked = new Map<unknown, number>();
    let most = 0;
    // The driver queues what is asked too soon, and will not for ever.
    pg.Client.prototype.query = function (
      this: pg.Client,
      ...given: unknown[]
    ) {
      const { connectionParameters } = this as unknown as {
        connectionParameters: { application_name: string };
      };
      const isLive = connectionParameters.application_name === "closetai live";
      const answer = (ask as (...all: unknown[]) => unknown).apply(this, given);
      if (!isLive || !(answer instanceof Promise)) return answer;
      const now = (asked.get(this) ?? 0) + 1;
      asked.set(this, now);
      most = Math.max(most, now);
      const done = () => void asked.set(this, (asked.get(this) ?? 1) - 1);
      answer.then(done, done);
      return answer;
    } as typeof ask;
    try {
      const owner = connect(world.lumiere.owner);
      const staff = connect(world.staff);
      await Promise.all([
        nextIn(owner.watch("products", "brand_members", "import_runs")),
        nextIn(staff.watch("tryon_jobs", "credit_accounts")),
      ]);
      await api.live.settled();
    } finally {
      pg.Client.prototype.query = ask;
    }
    expect(most).toBe(1);
  });
});

describe("a websocket", () => {
  it("answers queries under the limits of HTTP", async () => {
    const { iterate } = connect(world.lumiere.viewer);
    const { rows } = await db.root.query<{ totalCount: number }>(
      `select count(*)::integer as "totalCount" from app_public.products where brand_id = $1`,
      [world.lumiere.id],
    );
    const { value } = await iterate("{ products { totalCount } }").next();
    expect(value).toEqual({ data: { products: rows[0] } });
    for (const [query, variables, code] of [
      ["{ products(first: 501) { totalCount } }", undefined, "LIMIT"],
      [
        "query Q($n: Int) { products(first: $n) { totalCount } }",
        { n: 501 },
        "LIMIT",
      ],
      ["{ products { nothing } }", undefined, "GRAPHQL_VALIDATION"],
    ] as const) {
      const failed = await iterate(query, variables)
        .next()
        .then(
          ({ value: answer }) => (answer as Event).errors,
          (error: unknown) => error as Event["errors"],
        );
      expect(failed?.[0]?.extensions).toMatchObject({ code });
    }
  });

  it("is closed for a message larger than a request may be", async () => {
    const connection = connect(world.lumiere.viewer);
    const events = connection.iterate(
      `{ __typename } # ${"x".repeat(110_000)}`,
    );
    await expect(events.next()).rejects.toBeDefined();
    expect(await connection.closeCode).toBe(1009);
  });

  it("is closed when it opens too many operations at once", async () => {
    const connection = connect(world.lumiere.manager);
    const opened = Array.from({ length: 60 }, () =>
      connection
        .watch("products")
        .next()
        .catch(() => "closed"),
    );
    expect(await connection.closeCode).toBe(4429);
    expect(await Promise.race(opened)).toBe("closed");
  });
});
