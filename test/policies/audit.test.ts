import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { ClientBase } from "pg";

import { as, outcomeOf } from "../helpers/actors.ts";
import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import { insertRows } from "../helpers/factories.ts";
import { brands, createWorld, people, products } from "../helpers/world.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  const root = await db.root.connect();
  try {
    await createWorld(root);
  } finally {
    root.release();
  }
});

afterAll(() => db.drop());

type Event = {
  actor_kind: string;
  actor_id: string | null;
  impersonator_id: string | null;
  brand_id: string | null;
  action: string;
  table_name: string;
  row_pk: string;
  changed_columns: string[];
  diff: Record<string, unknown>;
  request_id: string | null;
};

/** What the current transaction added to the trail, read as the superuser. */
async function trailOf(client: ClientBase): Promise<Event[]> {
  await client.query("reset role");
  const { rows } = await client.query<Event>(
    `select actor_kind, actor_id, impersonator_id, brand_id, action, table_name,
            row_pk, changed_columns, diff, request_id
       from app_public.audit_log
      where xmin::text::bigint = txid_current() % 4294967296
      order by id`,
  );
  return rows;
}

/** A superuser's transaction that acts as somebody until it reads the trail. */
async function acting<T>(
  settings: { role: string; user?: string; brand?: string; by?: string },
  fn: (client: ClientBase) => Promise<T>,
): Promise<T> {
  return withRoot(db, async (client) => {
    await client.query(
      `select set_config('app.user_id', $1, true), set_config('app.brand_id', $2, true),
              set_config('app.impersonator_id', $3, true), set_config('app.request_id', 'req-7', true),
              set_config('role', $4, true)`,
      [
        settings.user ?? "",
        settings.brand ?? "",
        settings.by ?? "",
        settings.role,
      ],
    );
    return fn(client);
  });
}

const managerOfA = {
  role: "closetai_manager",
  user: people["A.manager"],
  brand: brands.A,
};

describe("the audit trail", () => {
  it("tells who inserted what, for which brand, in which request", async () => {
    const [event, ...more] = await acting(managerOfA, async (client) => {
      await client.query(
        `insert into app_public.products (brand_id, sku, name, category_code) values ($1, 'new', 'New', 'tops')`,
        [brands.A],
      );
      return trailOf(client);
    });
    expect(more).toEqual([]);
    expect(event).toMatchObject({
      actor_kind: "user",
      actor_id: people["A.manager"],
      impersonator_id: null,
      brand_id: brands.A,
      action: "insert",
      table_name: "products",
      request_id: "req-7",
      diff: { sku: [null, "new"], name: [null, "New"], active: [null, true] },
    });
    // What is not set is not told, nor what the server keeps.
    expect(Object.keys(event?.diff ?? {})).not.toContain("price_minor");
    expect(Object.keys(event?.diff ?? {})).not.toContain("fts");
  });

  it("tells what an update changed, from and to", async () => {
    const events = await acting(managerOfA, async (client) => {
      await client.query(
        "update app_public.products set name = 'Changed', color = 'Red' where sku = 'A.tee'",
      );
      return trailOf(client);
    });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      action: "update",
      row_pk: products["A.tee"],
      brand_id: brands.A,
      diff: { name: ["A.tee", "Changed"], color: [null, "Red"] },
    });
    expect([...(events[0]?.changed_columns ?? [])].sort()).toEqual([
      "color",
      "name",
    ]);
  });

  it("tells what a delete took away", async () => {
    const events = await acting(managerOfA, async (client) => {
      await client.query(
        "delete from app_public.products where sku = 'A.draft'",
      );
      return trailOf(client);
    });
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({
      action: "delete",
      row_pk: products["A.draft"],
      brand_id: brands.A,
    });
    expect(events[0]?.diff).toMatchObject({ sku: ["A.draft", null] });
  });

  it("has one row for each row of a bulk write", async () => {
    const events = await acting(managerOfA, async (client) => {
      await client.query(
        `insert into app_public.products (brand_id, sku, name, category_code)
         select $1, 'bulk-' || g, 'Bulk', 'tops' from generate_series(1, 1000) g`,
        [brands.A],
      );
      return trailOf(client);
    });
    expect(events).toHaveLength(1000);
    expect(new Set(events.map(({ row_pk }) => row_pk)).size).toBe(1000);
  });

  it("says nothing of an update that changes nothing", async () => {
    const events = await acting(managerOfA, async (client) => {
      await client.query("update app_public.products set name = name");
      return trailOf(client);
    });
    expect(events).toEqual([]);
  });

  it("goes with its transaction: what was rolled back did not happen", async () => {
    const count = "select count(*)::int as n from app_public.audit_log";
    const before = (await db.root.query(count)).rows;
    await acting(managerOfA, async (client) => {
      await client.query("update app_public.products set name = 'Changed'");
      expect(await trailOf(client)).toHaveLength(2);
    });
    expect((await db.root.query(count)).rows).toEqual(before);
  });

  it("names the member of staff behind somebody viewed as", async () => {
    const [event] = await acting(
      { ...managerOfA, by: people.support },
      async (client) => {
        await client.query(
          "update app_public.products set name = 'Changed' where sku = 'A.tee'",
        );
        return trailOf(client);
      },
    );
    expect(event).toMatchObject({
      actor_id: people["A.manager"],
      impersonator_id: people.support,
    });
  });

  it.each([
    ["closetai_staff_support", people.support, "staff"],
    ["closetai_user", people.shopper, "user"],
    ["none", "", "system"],
  ])("calls the actor of %s what it is", async (role, user, kind) => {
    const [event] = await acting({ role, user }, async (client) => {
      await client.query(
        role === "closetai_user"
          ? "update app_public.users set display_name = 'Changed'"
          : role === "none"
            ? "update app_public.users set display_name = 'Changed' where email = 'shopper@world.test'"
            : "update app_public.users set status = 'suspended' where email = 'shopper@world.test'",
      );
      return trailOf(client);
    });
    expect(event).toMatchObject({
      actor_kind: kind,
      actor_id: user === "" ? null : user,
      table_name: "users",
      row_pk: people.shopper,
    });
  });

  it("of background work says worker, and nothing of a mere count of uses", async () => {
    const changes = `select distinct actor_kind, actor_id, array(select jsonb_object_keys(diff)) as columns
       from app_public.audit_log where table_name = 'wardrobe_items' and action = 'update'`;
    const worker = await db.worker.connect();
    try {
      const { rows } = await worker.query("select session_user::text as who");
      expect(rows).toEqual([{ who: "closetai_worker" }]);
      // The worker may not read the trail: it is read by another, once committed.
      await worker.query(
        "update app_public.wardrobe_items set usage_count = usage_count + 1",
      );
      expect((await db.root.query(changes)).rows).toEqual([]);
      await worker.query(
        "update app_public.wardrobe_items set ai_tags = '{denim}'",
      );
    } finally {
      worker.release();
    }
    expect((await db.root.query(changes)).rows).toEqual([
      { actor_kind: "worker", actor_id: null, columns: ["ai_tags"] },
    ]);
  });

  it("says nothing of how long a file is kept, which each try-on moves, and all of a change beside it", async () => {
    const key = "selfie/kept.png";
    const events = await withRoot(db, async (client) => {
      await insertRows(client, "app_public.storage_objects", [
        {
          key,
          owner_user_id: people.shopper,
          kind: "selfie",
          content_type: "image/png",
        },
      ]);
      await client.query(
        "update app_public.storage_objects set retention_until = now() + interval '1 day' where key = $1",
        [key],
      );
      await client.query(
        "update app_public.storage_objects set retention_until = now() + interval '2 days', status = 'deleted' where key = $1",
        [key],
      );
      return trailOf(client);
    });
    expect(events.map(({ action }) => action)).toEqual(["insert", "update"]);
    expect(events[1]?.changed_columns.sort()).toEqual([
      "retention_until",
      "status",
    ]);
  });

  it("gives the parts of a composite key, joined by a comma", async () => {
    const [event] = await acting(managerOfA, async (client) => {
      await client.query(
        "update app_public.brand_members set role = 'analyst' where user_id = $1",
        [people["A.viewer"]],
      );
      return trailOf(client);
    });
    expect(event?.row_pk).toBe(`${brands.A},${people["A.viewer"]}`);
  });
});

describe("the audit trail never holds", () => {
  it("the digest of a file", async () => {
    const events = await withRoot(db, async (client) => {
      await insertRows(client, "app_public.storage_objects", [
        {
          key: "selfie/new.png",
          owner_user_id: people.shopper,
          kind: "selfie",
          content_type: "image/png",
          sha256: `\\x${"cd".repeat(32)}`,
        },
      ]);
      return trailOf(client);
    });
    expect(events[0]?.diff).toMatchObject({ sha256: "[redacted]" });
    expect(JSON.stringify(events)).not.toContain("cdcd");
  });

  it("the vector of a picture", async () => {
    const events = await withRoot(db, async (client) => {
      await client.query(
        "update app_public.item_embeddings set embedding = array_fill(0.125::real, array[768])",
      );
      return trailOf(client);
    });
    expect(events).toHaveLength(2);
    expect(events[0]?.diff).toEqual({ embedding: "[redacted]" });
    expect(JSON.stringify(events)).not.toContain("0.125");
  });

  it("what is in a wardrobe, which staff see with a reason only", async () => {
    const secrets = ["Gown", "Atelier", "linen", "crimson", "garment/shopper"];
    const item = {
      name: "Gown",
      brand_label: "Atelier",
      color: "crimson",
      ai_tags: ["linen"],
      color_tags: ["crimson"],
      category_code: "dresses",
      product_id: products["B.tee"],
      image_key: "garment/shopper.png",
    };
    const columns = Object.keys(item);
    const events = await acting(
      { role: "closetai_user", user: people.shopper },
      async (client) => {
        const added = await client.query<{ id: string }>(
          `insert into app_public.wardrobe_items (user_id, ${columns.join(", ")})
           values ($1, ${columns.map((_, at) => `$${at + 2}`).join(", ")}) returning id`,
          [people.shopper, ...Object.values(item)],
        );
        const id = [added.rows[0]?.id];
        await client.query(
          `update app_public.wardrobe_items set name = 'Gown, altered', color = null,
                  category_code = 'tops', deleted_at = now() where id = $1`,
          id,
        );
        await client.query(
          "delete from app_public.wardrobe_items where id = $1",
          id,
        );
        return trailOf(client);
      },
    );
    expect(events.map(({ action }) => action)).toEqual([
      "insert",
      "update",
      "delete",
    ]);
    for (const column of columns)
      expect(events[0]?.diff[column]).toBe("[redacted]");
    // That it changed, and when it was hidden, is told.
    expect(events[1]?.diff).toEqual({
      name: "[redacted]",
      color: "[redacted]",
      category_code: "[redacted]",
      deleted_at: [null, expect.any(String)],
    });
    for (const secret of [...secrets, "dresses", products["B.tee"]])
      expect(JSON.stringify(events)).not.toContain(secret);
  });

  it("the words of a saved view, nor for its brand that there is one", async () => {
    await acting(
      {
        role: "closetai_viewer",
        user: people["A.viewer"],
        brand: brands.A,
      },
      async (client) => {
        await client.query(
          `insert into app_public.saved_views (user_id, brand_id, resource, name, view)
           values ($1, $2, 'products', 'Why I leave', '{"filter": {"q": "salary"}}')`,
          [people["A.viewer"], brands.A],
        );
        const [event] = await trailOf(client);
        expect(event).toMatchObject({
          action: "insert",
          table_name: "saved_views",
          brand_id: null,
        });
        expect(JSON.stringify(event?.diff)).not.toMatch(/leave|salary/);
      },
    );
  });

  it("a row of a table that holds secrets", async () => {
    const { rows } = await db.root.query<{ name: string }>(
      `select tgrelid::regclass::text as name from pg_trigger
        where tgname like '\\_800\\_audit%' and tgrelid::regclass::text not like 'app\\_public.%'`,
    );
    expect(rows).toEqual([]);
  });
});

describe("the audit trail is append-only", () => {
  const partition = async (): Promise<string> => {
    const { rows } = await db.root.query<{ name: string }>(
      "select tableoid::regclass::text as name from app_public.audit_log limit 1",
    );
    return rows[0]?.name ?? "";
  };

  it.each(["owner", "root"] as const)(
    "for the %s: no update, delete or truncate, on the parent or on a partition",
    async (login) => {
      const outcomes = [];
      for (const table of ["app_public.audit_log", await partition()]) {
        for (const statement of [
          `update ${table} set reason = 'changed'`,
          `delete from ${table}`,
          `truncate ${table}`,
        ]) {
          outcomes.push(await outcomeOf(db[login].query(statement)));
        }
      }
      expect(outcomes).toEqual(Array.from({ length: 6 }, () => "DNIED"));
    },
  );

  it("for every partition there is, those to come included", async () => {
    const { rows } = await db.root.query<{ name: string }>(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = 'app_public.audit_log'::regclass",
    );
    expect(rows.length).toBeGreaterThanOrEqual(7);
    for (const { name } of rows) {
      expect(await outcomeOf(db.owner.query(`truncate ${name}`))).toBe("DNIED");
    }
  });

  it("even when it is truncated along with another table", async () => {
    expect(
      await outcomeOf(
        db.owner.query(
          "truncate app_public.products, app_public.audit_log cascade",
        ),
      ),
    ).toBe("DNIED");
  });
});

describe("the history of a row", () => {
  const history = (client: ClientBase, table: string, id: string) =>
    client.query<{ diff: Record<string, unknown> }>(
      "select diff from app_public.row_history($1, $2)",
      [table, id],
    );

  it.each([
    ["closetai_viewer", people["A.viewer"], brands.A, true],
    ["closetai_staff_support", people.support, "", true],
    // Who sees it on sale: what it was before it was is nobody's business.
    ["closetai_user", people.shopper, "", false],
    ["closetai_user", people["B.owner"], "", false],
  ] as const)(
    "of a product, asked by %s: %s",
    async (role, user, brand, isTold) => {
      await withRoot(db, async (client) => {
        await client.query(
          "update app_public.products set name = 'Not out yet' where id = $1",
          [products["A.tee"]],
        );
        await client.query(
          "select set_config('app.user_id', $1, true), set_config('app.brand_id', $2, true), set_config('role', $3, true)",
          [user, brand, role],
        );
        const { rows } = await history(client, "products", products["A.tee"]);
        expect(rows.some(({ diff }) => "name" in diff)).toBe(isTold);
      });
    },
  );

  it("of the own rows is told to a shopper", async () => {
    await acting(
      { role: "closetai_user", user: people.shopper },
      async (client) => {
        await client.query(
          "update app_public.users set display_name = 'Another name' where id = $1",
          [people.shopper],
        );
        const { rows } = await history(client, "users", people.shopper);
        expect(rows[0]?.diff).toMatchObject({
          display_name: [expect.anything(), "Another name"],
        });
      },
    );
  });
});

describe("who reads it", () => {
  it("is the owner of the brand: rows of the brand, and none that has no brand", async () => {
    await db.root.query("update app_public.products set color = 'Blue'");
    const brandIds = await as(db, "A.owner", async (client) => {
      const { rows } = await client.query<{ brand_id: string }>(
        "select distinct brand_id from app_public.audit_log",
      );
      return rows;
    });
    expect(brandIds).toEqual([{ brand_id: brands.A }]);
  });
});

describe("break_glass_wardrobe", () => {
  const open = (
    who: Parameters<typeof as>[1],
    user: string,
    reason: string,
  ): Promise<{
    outcome: string;
    rows: { image_key: unknown; name: string }[];
  }> =>
    as(db, who, async (client) => {
      try {
        const { rows } = await client.query<{
          image_key: unknown;
          name: string;
        }>("select * from app_public.break_glass_wardrobe($1, $2)", [
          user,
          reason,
        ]);
        return { outcome: "ok", rows };
      } catch (error) {
        return { outcome: (error as { code: string }).code, rows: [] };
      }
    });
  const reason = "Ticket 4711: item lost after update";

  it.each(["support", "privacy", "admin"] as const)(
    "%s can open a wardrobe with a reason",
    async (who) => {
      const { outcome, rows } = await open(who, people.shopper, reason);
      expect(outcome).toBe("ok");
      // Not what was thrown away, and no picture.
      expect(rows.map(({ name }) => name)).toEqual(["shopper.coat"]);
    },
  );

  it("leaves the pictures out", async () => {
    const root = await db.root.connect();
    try {
      await root.query("begin");
      await root.query(
        "update app_public.wardrobe_items set image_key = 'garment/shopper.png' where user_id = $1",
        [people.shopper],
      );
      await root.query(
        "select set_config('app.user_id', $1, true), set_config('role', 'closetai_staff_support', true)",
        [people.support],
      );
      const { rows } = await root.query<{ image_key: unknown }>(
        "select image_key from app_public.break_glass_wardrobe($1, $2)",
        [people.shopper, reason],
      );
      expect(rows).toEqual([{ image_key: null }]);
    } finally {
      await root.query("rollback");
      root.release();
    }
  });

  it.each([
    "anonymous",
    "shopper",
    "A.owner",
    "finance",
    "worker",
    "partner",
  ] as const)("%s cannot open a wardrobe", async (who) => {
    expect((await open(who, people.shopper, reason)).outcome).toBe("42501");
  });

  it("somebody who is no longer staff cannot, whatever role is claimed", async () => {
    for (const userId of [people.shopper, people["A.owner"], people.finance]) {
      const { outcome } = await open(
        {
          login: "app",
          actor: { role: "closetai_staff_support", userId },
        },
        people.shopper,
        reason,
      );
      expect(outcome).toBe("DNIED");
    }
  });

  it.each([
    ["no reason", "", "INVAL"],
    ["blanks", "                    ", "INVAL"],
    ["a word", "because", "INVAL"],
    ["a novel", "x".repeat(501), "INVAL"],
  ])("with %s it stays closed", async (_title, text, code) => {
    expect((await open("support", people.shopper, text)).outcome).toBe(code);
  });

  it("of nobody it says so", async () => {
    expect((await open("support", brands.A, reason)).outcome).toBe("NTFND");
  });

  it("leaves a row with the reason, the person and the member of staff", async () => {
    const events = await acting(
      { role: "closetai_staff_support", user: people.support },
      async (client) => {
        await client.query(
          "select * from app_public.break_glass_wardrobe($1, $2)",
          [people.shopper, `  ${reason} `],
        );
        await client.query("reset role");
        const { rows } = await client.query(
          `select actor_kind, actor_id, action, row_pk, reason, request_id
             from app_public.audit_log where action = 'break_glass_wardrobe'`,
        );
        return rows;
      },
    );
    expect(events).toEqual([
      {
        actor_kind: "staff",
        actor_id: people.support,
        action: "break_glass_wardrobe",
        row_pk: people.shopper,
        reason,
        request_id: "req-7",
      },
    ]);
  });
});
