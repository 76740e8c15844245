import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import pg from "pg";

import { anonymousActor } from "../../server/auth/actor.ts";
import { withActor } from "../../server/db/withActor.ts";
import {
  actorNames,
  actors,
  as,
  column,
  type NamedActor,
  namedActor,
  outcomeOf,
} from "../helpers/actors.ts";
import {
  createTestDatabase,
  type TestDatabase,
  withRollback,
} from "../helpers/database.ts";
import { brands, createWorld, people } from "../helpers/world.ts";

let db: TestDatabase;
/** Every table of ours and of the queue, with whether it has rows. */
let tables: string[];
let partitions: string[];

beforeAll(async () => {
  db = await createTestDatabase();
  const root = await db.root.connect();
  try {
    await createWorld(root);
    tables = await column(
      root,
      `select n.nspname || '.' || c.relname
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('app_public', 'app_private', 'graphile_worker') and c.relkind in ('r', 'p')`,
    );
    partitions = await column(
      root,
      `select distinct tableoid::regclass::text from app_public.audit_log
       union all
       select distinct tableoid::regclass::text from app_public.tryon_jobs`,
    );
  } finally {
    root.release();
  }
});

afterAll(() => db.drop());

/** Read by everybody who may read them at all: they are nobody's rows. */
const LOOKUPS = [
  "app_public.currencies",
  "app_public.wardrobe_categories",
  "app_public.category_defaults",
];

describe("a client connected as closetai_app", () => {
  it("is denied on every table, for every verb", async () => {
    const client = await db.app.connect();
    try {
      for (const table of tables) {
        for (const statement of [
          `select from ${table}`,
          `delete from ${table}`,
          `insert into ${table} default values`,
          `truncate ${table}`,
          `lock table ${table} in access exclusive mode`,
        ]) {
          expect({
            statement,
            outcome: await outcomeOf(
              statement.startsWith("lock")
                ? client.query(`do $$ begin ${statement}; end $$`)
                : client.query(statement),
            ),
          }).toEqual({ statement, outcome: "42501" });
        }
      }
      expect(tables.length).toBeGreaterThan(25);
    } finally {
      client.release();
    }
  });

  it("cannot become the owner, the worker, the reader or a superuser", async () => {
    await withRollback(db.app, async (client) => {
      for (const role of [
        "closetai_owner",
        "closetai_worker",
        "closetai_reader",
        "closetai_partner",
        "postgres",
      ]) {
        await client.query("savepoint before");
        expect(await outcomeOf(client.query(`set role ${role}`))).toBe("42501");
        await client.query("rollback to savepoint before");
      }
    });
  });
});

describe("the partner's login", () => {
  it("can become the partner and nobody else", async () => {
    await withRollback(db.partner, async (client) => {
      for (const role of [
        "closetai_user",
        "closetai_brand_owner",
        "closetai_staff_admin",
      ]) {
        await client.query("savepoint before");
        expect(await outcomeOf(client.query(`set role ${role}`))).toBe("42501");
        await client.query("rollback to savepoint before");
      }
      await client.query("set role closetai_partner");
    });
  });
});

/**
 * Roles whose rows are somebody's. Staff are not among them: a staff role is an
 * authority by itself, given by resolve_actor from staff_members.
 */
const BOUND = [
  "closetai_anonymous",
  "closetai_user",
  "closetai_viewer",
  "closetai_analyst",
  "closetai_manager",
  "closetai_brand_owner",
];

/** What is on sale is public, or a shopper's to see; what is not, is somebody's. */
const NOT_ON_SALE: Record<string, string> = {
  "app_public.products": "not active",
  "app_public.stripe_prices":
    "reserved_for <> '' or not active or sells = 'nothing'",
  "app_public.stripe_products":
    "id not in (select product_id from app_public.stripe_prices)",
};

/** What the settings hold, and whether reading them may be an error. */
const CLAIMS: {
  title: string;
  settings: Record<string, string> | null;
  mayFail?: true;
}[] = [
  { title: "no settings", settings: null },
  {
    title: "empty settings",
    settings: { "app.user_id": "", "app.brand_id": "" },
  },
  {
    title: "a person and a brand that do not exist",
    settings: {
      "app.user_id": "00000000-0000-7000-8000-ffffffffffff",
      "app.brand_id": "00000000-0000-7000-8000-ffffffffffff",
    },
  },
  {
    title: "a brand and no person",
    settings: { "app.user_id": "", "app.brand_id": brands.A },
  },
  {
    title: "settings that are no ids",
    settings: { "app.user_id": "nonsense", "app.brand_id": "' or true --" },
    mayFail: true,
  },
];

describe.each(CLAIMS)("with $title", ({ settings, mayFail }) => {
  it.each(BOUND)("%s sees no row of a tenant or a person", async (role) => {
    let answered = 0;
    for (const table of tables) {
      if (LOOKUPS.includes(table)) continue;
      await withRollback(db.app, async (client) => {
        for (const [key, value] of Object.entries(settings ?? {})) {
          await client.query("select set_config($1, $2, true)", [key, value]);
        }
        await client.query(`set local role ${role}`);
        let rows: unknown[];
        try {
          ({ rows } = await client.query(
            `select * from ${table} where ${NOT_ON_SALE[table] ?? "true"}`,
          ));
        } catch (error) {
          const { code } = error as { code?: string };
          expect(mayFail ? ["42501", "22P02"] : ["42501"]).toContain(code);
          return;
        }
        expect({ table, rows }).toEqual({ table, rows: [] });
        answered++;
      });
    }
    // Somebody without any grant would prove nothing about claims.
    if (!mayFail && role !== "closetai_anonymous") {
      expect(answered).toBeGreaterThan(0);
    }
  });
});

describe("a partition", () => {
  it.each(actorNames)("cannot be read by its name by %s", async (name) => {
    expect(partitions).toEqual([
      expect.stringMatching(/^app_partitions\.audit_log_\d{4}_\d{2}$/),
      expect.stringMatching(/^app_partitions\.tryon_jobs_\d{4}_\d{2}$/),
    ]);
    for (const partition of partitions) {
      for (const statement of [
        `select from ${partition}`,
        `delete from ${partition}`,
        `truncate ${partition}`,
        `insert into ${partition} default values`,
      ]) {
        const outcome = await as(db, name, (client) =>
          outcomeOf(client.query(statement)),
        );
        expect({ statement, outcome }).toEqual({ statement, outcome: "42501" });
      }
    }
  });

  it("holds the rows that the parent shows", async () => {
    for (const partition of partitions) {
      const { rows } = await db.root.query(`select from ${partition}`);
      expect(rows).not.toEqual([]);
    }
  });

  it("shows nothing even to a role that was granted it by mistake", async () => {
    const root = await db.root.connect();
    try {
      await root.query("begin");
      await root.query("grant usage on schema app_partitions to public");
      for (const partition of partitions) {
        await root.query(`grant select on ${partition} to public`);
      }
      await root.query("set local role closetai_brand_owner");
      for (const partition of partitions) {
        expect((await root.query(`select from ${partition}`)).rows).toEqual([]);
      }
    } finally {
      await root.query("rollback");
      root.release();
    }
  });
});

describe("two tenants one after another on one pooled connection", () => {
  const owner = (name: "A.owner" | "B.owner") => ({
    ...anonymousActor("test"),
    ...(actors[name] as NamedActor).actor,
    role: "closetai_brand_owner",
  });
  const skus = "select sku from app_public.products";

  it("see their own rows each, and nothing of each other is left behind", async () => {
    const pool = new pg.Pool({ connectionString: db.urls.app, max: 1 });
    try {
      const pids = new Set<string>();
      const look = (name: "A.owner" | "B.owner"): Promise<string[]> =>
        withActor(pool, owner(name), async (client) => {
          pids.add((await column(client, "select pg_backend_pid()"))[0] ?? "");
          return column(client, skus);
        });
      const settings = async (): Promise<unknown> =>
        (
          await pool.query(
            `select current_setting('app.user_id', true) as person,
                    current_setting('app.brand_id', true) as brand,
                    current_setting('role') as role, current_user::text as user`,
          )
        ).rows[0];
      const nobody = {
        person: "",
        brand: "",
        role: "none",
        user: "closetai_app",
      };

      expect(await look("A.owner")).toEqual(["A.draft", "A.tee"]);
      // A setting that was used and reset reads '', not null.
      expect(await settings()).toEqual(nobody);
      // The pool itself would throw a connection away whose query failed.
      const bare = await pool.connect();
      expect(await outcomeOf(bare.query(skus))).toBe("42501");
      bare.release();
      expect(await look("B.owner")).toEqual(["B.draft", "B.tee"]);
      expect(await look("A.owner")).toEqual(["A.draft", "A.tee"]);

      // An error in the middle of A's transaction leaves nothing for B.
      expect(
        await outcomeOf(
          withActor(pool, owner("A.owner"), (client) =>
            client.query("select 1 / 0"),
          ),
        ),
      ).toBe("22012");
      expect(await settings()).toEqual(nobody);
      expect(await look("B.owner")).toEqual(["B.draft", "B.tee"]);

      // The role without its claims, on a connection that knew both.
      const client = await pool.connect();
      try {
        await client.query("begin");
        await client.query("set local role closetai_brand_owner");
        expect(await column(client, skus)).toEqual([]);
        await client.query("rollback");
      } finally {
        client.release();
      }
      expect(pids.size).toBe(1);
    } finally {
      await pool.end();
    }
  });

  it("see their own rows each where one statement is prepared for both", async () => {
    const pool = new pg.Pool({ connectionString: db.urls.app, max: 1 });
    try {
      for (const [name, expected] of [
        ["A.owner", ["A.draft", "A.tee"]],
        ["B.owner", ["B.draft", "B.tee"]],
        ["A.owner", ["A.draft", "A.tee"]],
      ] as const) {
        const found = await withActor(pool, owner(name), async (client) => {
          const { rows } = await client.query<{ sku: string }>({
            name: "skus",
            text: "select sku from app_public.products where name <> $1 order by sku",
            values: [""],
          });
          return rows.map(({ sku }) => sku);
        });
        expect(found).toEqual(expected);
      }
    } finally {
      await pool.end();
    }
  });
});

describe("aggregates", () => {
  const totals =
    "select count(*) || ' of ' || count(distinct brand_id) from app_public.products";

  it("of a member count the rows of the brand only", async () => {
    expect(
      await as(db, "A.viewer", (client) => column(client, totals)),
    ).toEqual(["2 of 1"]);
    expect((await db.root.query(totals)).rows).toEqual([
      { "?column?": "5 of 3" },
    ]);
  });

  it("of a shopper count what is on sale only", async () => {
    expect(await as(db, "shopper", (client) => column(client, totals))).toEqual(
      ["2 of 2"],
    );
  });

  it("grouped and ranked show no other tenant", async () => {
    const grouped = `select distinct brand_id from (
        select brand_id, rank() over (partition by category_code order by sku), count(*) over ()
          from app_public.products group by brand_id, category_code, sku
      ) ranked`;
    expect(
      await as(db, "B.owner", (client) => column(client, grouped)),
    ).toEqual([brands.B]);
  });

  it("of files never add another owner's bytes", async () => {
    const bytes = "select sum(bytes) from app_public.storage_objects";
    expect(await as(db, "A.viewer", (client) => column(client, bytes))).toEqual(
      ["16"],
    );
    expect(await as(db, "shopper", (client) => column(client, bytes))).toEqual([
      "16",
    ]);
  });
});

describe("brand_people", () => {
  it("shows a member the columns it is meant to, and no more of a person", async () => {
    const { fields } = await as(db, "A.viewer", (client) =>
      client.query("select * from app_public.brand_people"),
    );
    expect(fields.map(({ name }) => name)).toEqual([
      "brand_id",
      "user_id",
      "display_name",
      "email",
      "role",
      "status",
      "last_login_at",
      "created_at",
      "updated_at",
    ]);
  });

  it("of somebody in two brands shows the membership in the active one only", async () => {
    const roles = `select role from app_public.brand_people where user_id = '${people.both}'`;
    expect(await as(db, "A.owner", (client) => column(client, roles))).toEqual([
      "analyst",
    ]);
    expect(await as(db, "B.owner", (client) => column(client, roles))).toEqual([
      "manager",
    ]);
  });

  it("is a barrier: no cheap condition of the caller runs before its own", async () => {
    const { rows } = await db.root.query<{ reloptions: string[] }>(
      "select reloptions from pg_class where oid = 'app_public.brand_people'::regclass",
    );
    expect(rows[0]?.reloptions).toContain("security_barrier=true");
    // An error in a condition would tell of a row that is not shown.
    expect(
      await as(db, "A.viewer", (client) =>
        outcomeOf(
          client.query(
            "select 1 / (case when email like 'b-%' then 0 else 1 end) from app_public.brand_people",
          ),
        ),
      ),
    ).toBe("ok");
  });

  it("cannot be written", async () => {
    for (const name of ["A.owner", "admin"] as const) {
      expect(
        await as(db, name, (client) =>
          outcomeOf(
            client.query("update app_public.brand_people set role = 'owner'"),
          ),
        ),
      ).not.toBe("ok");
    }
  });
});

it("every actor of the tests arrives through the login it says", async () => {
  for (const name of actorNames) {
    const { login, actor } = namedActor(name);
    const [who] = await as(db, name, (client) =>
      column(client, "select session_user || ' ' || current_user"),
    );
    const session =
      login === "root"
        ? "postgres"
        : login === "partner"
          ? "closetai_partner_api"
          : `closetai_${login}`;
    expect(who).toMatch(
      new RegExp(`^(${session}|\\w+) ${actor?.role ?? session}$`),
    );
  }
});
