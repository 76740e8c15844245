import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { as, type NamedActor } from "../helpers/actors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import {
  brands,
  createWorld,
  people,
  products,
  runs,
} from "../helpers/world.ts";
import { DEFINERS } from "./definers.ts";

/**
 * A function that runs with its owner's rights sees through every policy, so it
 * must ask itself who calls. Each one that a request role may execute is called
 * here by somebody who holds the role and nothing else.
 */

let db: TestDatabase;

type Definer = { name: string; arguments: string[]; role: string };
let definers: Definer[];

beforeAll(async () => {
  db = await createTestDatabase();
  const root = await db.root.connect();
  try {
    await createWorld(root);
    const { rows } = await root.query<Definer>(
      `select n.nspname || '.' || p.proname as name,
              array(
                select format_type(t, null) from unnest(p.proargtypes::oid[]) with ordinality as x (t, position)
                 order by position
              ) as arguments,
              r.rolname as role
         from pg_proc p
         join pg_namespace n on n.oid = p.pronamespace
         join pg_roles r on has_function_privilege(r.oid, p.oid, 'execute')
        where n.nspname in ('app_public', 'app_hidden') and p.prosecdef
          and r.rolname like 'closetai\\_%'
          and r.rolname not in ('closetai_owner', 'closetai_app', 'closetai_worker', 'closetai_partner_api', 'closetai_reader', 'closetai_partner')
          and has_schema_privilege(r.oid, n.oid, 'usage')
        order by 1, 3`,
    );
    definers = rows;
  } finally {
    root.release();
  }
});

afterAll(() => db.drop());

/** What each parameter type is tried with; of B where the type can say so. */
function argument(type: string): string {
  if (type === "uuid") return `'${runs["B.run"]}'`;
  if (["integer", "bigint", "numeric"].includes(type)) return "1";
  if (type === "uuid[]") return `'{${products["B.tee"]}}'`;
  if (type === "timestamp with time zone") return "now() + interval '1 day'";
  if (type === "boolean") return "false";
  if (type === "jsonb") return `'{"sku": "a", "name": "b", "category": "c"}'`;
  if (type === "bytea") return `decode(repeat('ab', 32), 'hex')`;
  if (type === "text[]") return `'{a,b,c}'`;
  if (type === "app_public.background_state") return "'dead'";
  if (type === "app_public.stripe_event_status[]") return "'{dead}'";
  if (type === "app_public.audit_log") {
    return `jsonb_populate_record(null::app_public.audit_log, '{"actor_kind": "user", "actor_id": "${people["B.owner"]}"}')`;
  }
  if (type === "text") return "'something long enough to be a reason'";
  throw new Error(`No value for a parameter of type ${type}`);
}

/** Answers of a function that were something: a row with a value in it. */
async function answers(definer: Definer, who: NamedActor): Promise<unknown> {
  return as(db, who, async (client) => {
    try {
      const { rows } = await client.query(
        `select * from ${definer.name}(${definer.arguments.map(argument).join(", ")})`,
      );
      return rows.filter((row: Record<string, unknown>) =>
        Object.values(row).some((value) => value !== null && value !== ""),
      );
    } catch (error) {
      const { code } = error as { code?: string };
      // A refusal in our words, not a failure on the way.
      expect({ name: definer.name, code }).toEqual({
        name: definer.name,
        code: expect.stringMatching(
          /^(DNIED|NTFND|INVAL|LOGIN|STATE|EXPRD|LIMIT)$/,
        ),
      });
      return [];
    }
  });
}

/**
 * Made for nobody in particular: they take whoever comes. Which catalogues are
 * closed has to be known to the policy of a visitor.
 */
const FOR_ANYBODY = [
  "app_public.register_shopper",
  "app_hidden.withdrawn_brand_ids",
];

describe("a definer function", () => {
  it("that a request may call exists, and is listed", () => {
    expect(definers.length).toBeGreaterThan(10);
    for (const { name } of definers) {
      expect(Object.keys(DEFINERS)).toContain(name);
    }
  });

  it("gives nothing to a role without claims", async () => {
    for (const definer of definers) {
      if (FOR_ANYBODY.includes(definer.name)) continue;
      const found = await answers(definer, {
        login: "app",
        actor: { role: definer.role },
      });
      expect({ definer, found }).toEqual({ definer, found: [] });
    }
  });

  it("gives nothing to a person who claims a role that is not theirs", async () => {
    for (const definer of definers) {
      if (FOR_ANYBODY.includes(definer.name)) continue;
      const found = await answers(definer, {
        login: "app",
        actor: {
          role: definer.role,
          userId: people.shopper,
          brandId: brands.B,
        },
      });
      expect({ definer, found }).toEqual({ definer, found: [] });
    }
  });

  it("gives nothing of brand B to an owner of brand A", async () => {
    for (const definer of definers) {
      if (definer.role !== "closetai_brand_owner") continue;
      const found = await as(
        db,
        {
          login: "app",
          actor: {
            role: "closetai_brand_owner",
            userId: people["A.owner"],
            brandId: brands.A,
          },
        },
        async (client) => {
          try {
            const { rows } = await client.query(
              `select * from ${definer.name}(${definer.arguments.map(argument).join(", ")})`,
            );
            return JSON.stringify(rows);
          } catch (error) {
            return String((error as { code?: string }).code);
          }
        },
      );
      expect({ name: definer.name, found }).toEqual({
        name: definer.name,
        found: expect.not.stringContaining(brands.B),
      });
      // An existing run of B and one that never was get the same answer.
      expect({ name: definer.name, found }).toEqual({
        name: definer.name,
        found: expect.not.stringContaining("B.manager"),
      });
    }
  });

  it("cannot be executed by a partner, the fence apart", async () => {
    const { rows } = await db.partner.query<{ n: number }>(
      `select count(*)::int as n from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname like 'app\\_%' and p.prosecdef and p.proname <> 'current_brand_id'
          and has_function_privilege('closetai_partner', p.oid, 'execute')`,
    );
    expect(rows).toEqual([{ n: 0 }]);
  });
});
