import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { WebSocket } from "ws";

import type { Catalog } from "../../server/catalog/types.ts";
import { withClient } from "../../server/db/clients.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  copyMigrations,
  type DevProcess,
  type MigrationsCopy,
  startDev,
} from "../helpers/dev.ts";
import { buildProduct } from "../helpers/factories.ts";
import type { HttpClient } from "../helpers/http.ts";
import {
  makePeople,
  PASSWORD,
  type People,
  type Person,
} from "../helpers/people.ts";

let db: TestDatabase;
let people: People;
let copy: MigrationsCopy;
let dev: DevProcess;
let viewer: HttpClient;
let shopper: HttpClient;

/** The last line of a save that worked, or of one that did not. */
const LIVE = /Live [\d.]+ s .*\n/;
const FAILED = /The last good API keeps serving\n/;

const TABLE = `
drop table if exists app_public.looks;
create table app_public.looks (
  id uuid not null default app_private.uuid_v7() constraint looks_pkey primary key,
  brand_id uuid not null constraint looks_brand_id_fkey references app_public.brand_accounts (id),
  name text not null
);
create index looks_brand_id_idx on app_public.looks (brand_id);
`;
const POLICIES = `-- Members see the looks of their brand.

call app_private.close_table('app_public.looks');
create policy fence_brand on app_public.looks as restrictive for all to :ROLE_VIEWER
  using (brand_id = (select app_hidden.current_brand_id()));
create policy select_brand on app_public.looks for select to :ROLE_VIEWER using (true);
grant select on app_public.looks to :ROLE_VIEWER;
`;
const POLICY_FILE = "fixtures/policies/looks.sql";

beforeAll(async () => {
  db = await createTestDatabase();
  copy = await copyMigrations(db);
  people = await makePeople(db);
  await withClient(db.urls.root, async (client) => {
    for (const sku of ["one", "two", "three"]) {
      await buildProduct(client, { brand_id: people.lumiere, sku });
    }
  });
  dev = await startDev(db, copy);
  viewer = await signedIn(people.viewer);
  shopper = await signedIn(people.shopper);
});

afterAll(async () => {
  await dev?.stop();
  copy?.remove();
  await db?.drop();
});

async function signedIn(person: Person): Promise<HttpClient> {
  const client = dev.client();
  expect((await client.signIn(person.email, PASSWORD)).status).toBe(200);
  return client;
}

async function resourcesOf(client: HttpClient): Promise<string[]> {
  const answer = await client.get("/catalog.json");
  return (answer.json as Catalog).resources.map(({ name }) => name);
}

/** What /catalog/events said so far. */
type Events = { versions: string[]; close(): void };

async function listen(client: HttpClient): Promise<Events> {
  const abort = new AbortController();
  const response = await fetch(`${dev.url}/catalog/events`, {
    signal: abort.signal,
    headers: {
      cookie: [...client.cookies]
        .map(([name, value]) => `${name}=${value}`)
        .join("; "),
    },
  });
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const versions: string[] = [];
  const read = async () => {
    let text = "";
    for await (const chunk of response.body ?? []) {
      text += Buffer.from(chunk).toString();
      for (;;) {
        const event = /^event: catalog\ndata: (.+)\n\n/.exec(text);
        if (event === null) break;
        text = text.slice(event[0].length);
        const { version } = JSON.parse(event[1] ?? "") as { version: string };
        versions.push(version);
      }
    }
  };
  read().catch((error: Error) => {
    if (!abort.signal.aborted) throw error;
  });
  while (versions.length === 0) await sleep(10);
  return { versions, close: () => abort.abort() };
}

/** Timings are told and not judged. */
function tell(output: string): void {
  for (const line of output.match(/^.*Live [\d.]+ s.*$/gm) ?? []) {
    process.stdout.write(`${line}\n`);
  }
}

describe("npm run dev", () => {
  it("nobody who is not signed in is told of the catalogue", async () => {
    const answer = await dev.client().get("/catalog/events");
    expect([answer.status, answer.json]).toMatchObject([
      401,
      { error: { code: "LOGIN" } },
    ]);
  });

  it("a saved table with its policies is there for the roles that may read it, and told to their pages only", async () => {
    const told = await listen(viewer);
    const untold = await listen(shopper);
    try {
      expect(await resourcesOf(viewer)).not.toContain("looks");
      const output = await dev.after(() => {
        copy.append("current.sql", TABLE);
        copy.write(POLICY_FILE, POLICIES);
      }, LIVE);
      tell(output);
      expect(output).toContain(
        "Added to current.sql: --!include policies/looks.sql",
      );
      expect(output).toMatch(
        /Live [\d.]+ s after the save \(noticed [\d.]+, SQL [\d.]+, schema [\d.]+, catalogue [\d.]+\)/,
      );
      expect(output).toContain("told 1 of 2 open pages");
      expect(output).toMatch(/\+ looks \(id uuid not null default .*name text/);
      expect(output).toContain("+ type Look (");
      expect(output).toContain("+ Query.looks: LookConnection");
      expect(output).toMatch(/\+ looks: select for .*viewer.* {2}\(widened\)/);
      expect(output).toMatch(
        /policy fence_brand \(restrictive\)[\s\S]*\(narrowed\)/,
      );

      while (told.versions.length < 2) await sleep(10);
      const answer = await viewer.get("/catalog.json");
      expect(told.versions.at(-1)).toBe((answer.json as Catalog).version);
      expect(untold.versions).toHaveLength(1);
      expect(await resourcesOf(viewer)).toContain("looks");
      expect(await resourcesOf(shopper)).not.toContain("looks");
      const { data, errors } = await viewer.graphql(
        "{ looks { nodes { name } } }",
      );
      expect([data, errors]).toEqual([{ looks: { nodes: [] } }, []]);
    } finally {
      told.close();
      untold.close();
    }
  });

  it.each([
    [
      "a word that SQL does not know",
      POLICIES.replace("create policy select", "create polcy select"),
      ['syntax error at or near "polcy" (42601)', "looks.sql:6:8"],
      "    6 | create polcy select_brand on app_public.looks for select to :ROLE_VIEWER using (true);\n      |        ^",
    ],
    [
      "a mistake behind a placeholder, which is longer in the end",
      POLICIES.replace("to :ROLE_VIEWER using", "to :ROLE_VIEWER usng"),
      ["(42601)", "looks.sql:6:75"],
      `    6 | create policy select_brand on app_public.looks for select to :ROLE_VIEWER usng (true);\n      | ${" ".repeat(74)}^`,
    ],
    [
      "a mistake that a function finds",
      POLICIES.replace("'app_public.looks'", "'app_public.lokks'"),
      ['relation "app_public.lokks" does not exist (42P01)', "looks.sql:3:1"],
      "    3 | call app_private.close_table('app_public.lokks');\n      | ^",
    ],
    [
      "a name that is not written in full",
      `${POLICIES}select name from looks;\n`,
      [
        'relation "looks" does not exist (42P01)',
        "hint:   Names are written in full: app_public.looks, not looks.",
      ],
      "    8 | select name from looks;\n      |                  ^",
    ],
    [
      "a placeholder that nobody made",
      POLICIES.replace("select to :ROLE_VIEWER", "select to :ROLE_VIEWR"),
      [
        "(42601)",
        "hint:   There is no placeholder :ROLE_VIEWR; those there are stand in .gmrc.",
      ],
      `      | ${" ".repeat(61)}^`,
    ],
    [
      "a statement that ends the transaction",
      `${POLICIES}rollback;\n`,
      ['"rollback" is not for a migration', "looks.sql:8:1", "no-transaction"],
      "    8 | rollback;\n      | ^",
    ],
  ])(
    "%s is shown with file, line and caret, and the API stays",
    async (_what, text, said, lines) => {
      const output = await dev.after(
        () => copy.write(POLICY_FILE, text),
        FAILED,
      );
      for (const part of said) expect(output).toContain(part);
      expect(output).toContain(lines);
      expect(await resourcesOf(viewer)).toContain("looks");
      const { data } = await viewer.graphql("{ looks { nodes { name } } }");
      expect(data).toEqual({ looks: { nodes: [] } });
    },
  );

  it("an include of a file that is not there is shown where it stands", async () => {
    const good = copy.read("current.sql");
    const output = await dev.after(
      () => copy.append("current.sql", "--!include policies/nowhere.sql\n"),
      FAILED,
    );
    expect(output).toContain("There is no file fixtures/policies/nowhere.sql");
    expect(output).toMatch(/migrations\/current\.sql:\d+:12\n/);
    await dev.after(() => {
      copy.write("current.sql", good);
      copy.write(POLICY_FILE, `${POLICIES}-- repaired\n`);
    }, /Live .*\n|Nothing to apply.*\n/);
  });

  it("a saved policy says who may see more, and the GraphQL schema stays", async () => {
    const output = await dev.after(
      () =>
        copy.write(
          POLICY_FILE,
          `${POLICIES}create policy select_staff on app_public.looks for select to :ROLE_STAFF using (true);\n`,
        ),
      LIVE,
    );
    tell(output);
    expect(output).toContain("schema unchanged");
    expect(output).toMatch(
      /\+ looks: policy select_staff for select to staff using \(true\) {2}\(widened\)/,
    );
    expect(output).not.toContain("GraphQL +");
  });

  it("a lost column is marked as breaking, and a lock on a table with rows is told", async () => {
    copy.write(POLICY_FILE, POLICIES);
    const output = await dev.after(() => {
      copy.append(
        "current.sql",
        `
alter table app_public.products drop column if exists usage;
alter table app_public.products add column if not exists mood text;
alter table app_public.category_mappings alter column label type varchar(100);
`,
      );
    }, LIVE);
    tell(output);
    expect(output).toContain("- products.usage text");
    expect(output).toContain("+ products.mood text");
    expect(output).toMatch(/- Product\.usage was removed\. \(breaking\)/);
    expect(output).toMatch(/\+ Product\.mood: String/);
    expect(output).toMatch(
      /products: blocks reading and writing for up to \d+ ms \(AccessExclusiveLock, ≈ 3 rows\)/,
    );
    // Empty: nobody waits for it.
    expect(output).not.toMatch(/locks[\s\S]*category_mappings/);
  });

  it("a new constraint is told in its own words from the first violation on", async () => {
    const insert = () =>
      viewer.graphql(
        `mutation { createLook(input: { look: { brandId: "${people.lumiere}", name: "" } }) { clientMutationId } }`,
      );
    const good = copy.read(POLICY_FILE);
    await dev.after(
      () =>
        copy.write(
          POLICY_FILE,
          `${good}
create policy insert_brand on app_public.looks for insert to :ROLE_VIEWER with check (true);
grant insert (brand_id, name) on app_public.looks to :ROLE_VIEWER;
alter table app_public.looks drop constraint if exists looks_name_check;
alter table app_public.looks add constraint looks_name_check check (name <> '');
comment on constraint looks_name_check on app_public.looks is '@error INVAL name A look has a name.';
`,
        ),
      LIVE,
    );
    expect((await insert()).errors).toMatchObject([
      { message: "A look has a name.", extensions: { field: "name" } },
    ]);
    await dev.after(() => copy.write(POLICY_FILE, good), LIVE);
  });

  it("requests that come during a swap are answered", async () => {
    // Without the changes to products: whoever asks would wait for their locks.
    const quiet = copy.read("current.sql").split("\nalter table")[0] ?? "";
    await dev.after(() => copy.write("current.sql", quiet), LIVE);
    let running = true;
    const answers: number[] = [];
    const ask = async () => {
      while (running) {
        const { status, data } = await viewer.graphql(
          "{ products { nodes { rowId name } } }",
        );
        answers.push(data === null ? 0 : status);
      }
    };
    const asking = [ask(), ask(), ask()];
    const output = await dev.after(
      () =>
        copy.append(
          "current.sql",
          "comment on table app_public.looks is 'Worn together.';\n",
        ),
      LIVE,
    );
    tell(output);
    running = false;
    await Promise.all(asking);
    expect(output).toMatch(/schema \d/);
    expect(answers.length).toBeGreaterThan(3);
    expect(answers.filter((status) => status !== 200)).toEqual([]);
  });

  it("a tag nobody understands is told at once", async () => {
    const output = await dev.after(
      () =>
        copy.append(
          "current.sql",
          "comment on table app_public.looks is '@admin.colour red';\n",
        ),
      LIVE,
    );
    expect(output).toContain("! table looks: there is no tag @admin.colour");
  });

  it("Ctrl-C ends it, and leaves no connection behind", async () => {
    expect(await dev.stop()).toBe(0);
    expect(dev.output()).toContain("Stopping (SIGINT)");
    expect(dev.output()).not.toMatch(/Closing failed|error:/);
    await expect(dev.client().get("/healthz")).rejects.toThrow();
    let others = 1;
    while (others > 0) {
      const { rows } = await db.root.query<{ others: number }>(
        `select count(*)::int as others from pg_stat_activity
          where datname = current_database() and application_name not like 'test %'
            and backend_type = 'client backend'`,
      );
      others = rows[0]?.others ?? 0;
    }
    expect(others).toBe(0);
  });
});

describe("npm run dev, begun with SQL that fails", () => {
  it("says where, and serves once it is repaired", async () => {
    const good = copy.read("current.sql");
    copy.append("current.sql", "select nothing_of_the_kind();\n");
    const begun = await startDev(db, copy, { until: /Nothing is served yet/ });
    try {
      expect(begun.output()).toMatch(/migrations\/current\.sql:\d+:8\n/);
      expect(begun.output()).toContain(
        "function nothing_of_the_kind() does not exist",
      );
      await begun.after(
        () => copy.write("current.sql", good),
        /Repaired, and serving\n/,
      );
    } finally {
      expect(await begun.stop()).toBe(0);
    }
  });

  it("serves the admin from its sources, with the sockets of both at one address", async () => {
    const begun = await startDev(db, copy, { args: ["--no-demo"] });
    try {
      const page = await begun.client().get("/admin");
      expect(page.status).toBe(200);
      expect(page.text).toContain('src="/admin/@vite/client"');
      // The page runs a script of Vite's own; nothing else is loosened.
      expect(page.headers.get("content-security-policy")).toBeNull();
      const health = await begun.client().get("/healthz");
      expect(health.headers.get("content-security-policy")).not.toBeNull();
      const module = await begun.client().get("/admin/src/main.tsx");
      expect(module.headers.get("content-type")).toMatch(/javascript/);
      const client = await begun.client().get("/admin/@vite/client");
      const token = /wsToken = "([^"]+)"/.exec(client.text)?.[1] ?? "";

      const origin = new URL(begun.url).origin;
      const address = begun.url.replace("http", "ws");
      const firstMessage = (path: string, protocol: string, hello?: object) =>
        new Promise<string>((resolve, reject) => {
          const socket = new WebSocket(`${address}${path}`, protocol, {
            origin,
          });
          socket.on("error", reject);
          socket.on("open", () => {
            if (hello) socket.send(JSON.stringify(hello));
          });
          socket.once("message", (data: Buffer) => {
            resolve(data.toString());
            socket.close();
          });
        });
      expect(
        await firstMessage(`/admin/?token=${token}`, "vite-hmr"),
      ).toContain("connected");
      expect(
        await firstMessage("/graphql", "graphql-transport-ws", {
          type: "connection_init",
        }),
      ).toContain("connection_ack");
    } finally {
      expect(await begun.stop()).toBe(0);
    }
  });

  it("refuses to run in production", async () => {
    await expect(
      startDev(db, copy, {
        env: { NODE_ENV: "production", ROOT_URL: "https://closet.example" },
      }),
    ).rejects.toThrow(/NODE_ENV is production/);
  });
});
