import {
  afterAll,
  afterEach,
  beforeAll,
  describe,
  expect,
  it,
} from "@jest/globals";
import { type Client, createClient } from "graphql-ws";
import { WebSocket } from "ws";

import {
  createTestDatabase,
  type TestActor,
  type TestDatabase,
} from "../helpers/database.ts";
import { buildImportRun } from "../helpers/factories.ts";
import { makeTestApi, type TestApi } from "../helpers/graphql.ts";
import { makeWorld, type World } from "./twoBrands.ts";

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

const CHANGED = `subscription Watch($rowId: UUID!) {
  importRunChanged(rowId: $rowId) { importRun { rowId processedRows } }
}`;

type Event = {
  data?: {
    importRunChanged: {
      importRun: { rowId: string; processedRows: number } | null;
    } | null;
  } | null;
  errors?: readonly { message: string; extensions?: Record<string, unknown> }[];
};

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
    watch: (rowId: string) =>
      client.iterate({
        query: CHANGED,
        variables: { rowId },
      }) as AsyncIterableIterator<Event>,
    iterate: (query: string, variables?: Record<string, unknown>) =>
      client.iterate({
        query,
        ...(variables === undefined ? {} : { variables }),
      }) as AsyncIterableIterator<Event>,
  };
}

async function makeRun(brandId: string): Promise<string> {
  const client = await db.root.connect();
  try {
    return (await buildImportRun(client, { brand_id: brandId })).id;
  } finally {
    client.release();
  }
}

async function progress(run: string, rows: number): Promise<void> {
  await db.root.query(
    "update app_public.import_runs set processed_rows = $2, created_count = $2 where id = $1",
    [run, rows],
  );
}

/**
 * Changes the run until the subscriber hears of it: it may not listen yet when
 * the first change is made.
 */
async function changeUntilHeard(
  run: string,
  events: AsyncIterableIterator<Event>,
): Promise<Event> {
  const heard = events.next();
  let done = false;
  void heard.finally(() => {
    done = true;
  });
  for (let rows = 1; !done; rows++) {
    await progress(run, rows);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { value } = await heard;
  return value as Event;
}

describe("a subscription to an import run", () => {
  it("delivers the run as it is now, again and again", async () => {
    const run = await makeRun(world.lumiere.id);
    const events = connect(world.lumiere.manager).watch(run);
    const first = await changeUntilHeard(run, events);
    expect(first.errors).toBeUndefined();
    expect(first.data?.importRunChanged?.importRun?.rowId).toBe(run);

    // The same query again: an answer that was remembered would be old.
    await progress(run, 500);
    let latest = 0;
    while (latest !== 500) {
      const { value } = await events.next();
      latest =
        (value as Event).data?.importRunChanged?.importRun?.processedRows ?? 0;
    }
    expect(latest).toBe(500);
  });

  it("is refused for a run of another brand, and for one that does not exist", async () => {
    const run = await makeRun(world.northside.id);
    for (const rowId of [run, "00000000-0000-7000-8000-000000000000"]) {
      const { value } = await connect(world.lumiere.manager)
        .watch(rowId)
        .next();
      const event = value as Event;
      expect(event.errors?.[0]?.extensions).toMatchObject({ code: "NTFND" });
    }
  });

  it("shows nothing any more once the membership ended", async () => {
    const run = await makeRun(world.lumiere.id);
    const connection = connect(world.lumiere.manager);
    const events = connection.watch(run);
    await changeUntilHeard(run, events);
    // Still signed in, without the brand: what the session now resolves to.
    connection.become({
      role: "closetai_user",
      userId: world.lumiere.manager.userId ?? null,
    });
    await progress(run, 900);
    const seen: (number | undefined)[] = [];
    for (;;) {
      const { value } = await events.next();
      const event = value as Event;
      if (event.data?.importRunChanged?.importRun == null) {
        expect(seen).not.toContain(900);
        break;
      }
      seen.push(event.data.importRunChanged.importRun.processedRows);
    }
  });

  it("ends with the session", async () => {
    const run = await makeRun(world.lumiere.id);
    const connection = connect(world.lumiere.manager);
    const events = connection.watch(run);
    await changeUntilHeard(run, events);
    connection.become({ role: "closetai_anonymous", userId: null });
    await progress(run, 901);
    expect(await connection.closeCode).toBe(4401);
    await expect(
      (async () => {
        for await (const event of events) {
          expect(
            event.data?.importRunChanged?.importRun?.processedRows,
          ).not.toBe(901);
        }
      })(),
    ).rejects.toBeDefined();
  });

  it("goes on after the listening connection was cut", async () => {
    const run = await makeRun(world.lumiere.id);
    const events = connect(world.lumiere.manager).watch(run);
    await changeUntilHeard(run, events);
    const { rowCount } = await db.root.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where application_name = 'closetai live' and datname = current_database()`,
    );
    expect(rowCount).toBe(1);
    await api.live.ready();
    // An event comes by itself: what was missed meanwhile is not lost.
    const { value } = await events.next();
    expect((value as Event).data?.importRunChanged?.importRun?.rowId).toBe(run);
    expect((await changeUntilHeard(run, events)).errors).toBeUndefined();
  });
});

describe("a websocket", () => {
  it("answers queries under the limits of HTTP", async () => {
    const { iterate } = connect(world.lumiere.viewer);
    const { value } = await iterate("{ products { totalCount } }").next();
    expect(value).toEqual({ data: { products: { totalCount: 3 } } });
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
    const run = await makeRun(world.lumiere.id);
    const connection = connect(world.lumiere.manager);
    const opened = Array.from({ length: 60 }, () =>
      connection
        .watch(run)
        .next()
        .catch(() => "closed"),
    );
    expect(await connection.closeCode).toBe(4429);
    expect(await Promise.race(opened)).toBe("closed");
  });
});
