import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import type { ActorName } from "../helpers/actors.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { createWorld } from "../helpers/world.ts";
import {
  installProbe,
  type Known,
  knowTable,
  type Outcomes,
  probe,
  roleOf,
  within,
} from "./probe.ts";
import { type Subject, subjects } from "./subjects.ts";

/**
 * The proof of the proof: each policy in turn is dropped, and opened with
 * `true`, and the attempts of the matrix must notice. The other layer of the
 * table is opened first, so that the fence cannot hide a loose permissive policy
 * nor the other way round. Everything happens in a transaction that is rolled
 * back.
 */

type Policy = {
  table: string;
  name: string;
  permissive: boolean;
  using: string | null;
  check: string | null;
  /** Every role it binds: those it names, and those that inherit them. */
  binds: string[];
};

type Mutation = "dropped" | "opened" | "using opened" | "check opened";

/**
 * Mutants that change nothing anyone can observe, and why. One that is noticed
 * after all, and one that does not exist any more, fails the test.
 */
const noTenantChange =
  "no role of a brand may insert here or change the tenant's column, so the check repeats the condition of the read";
const noOwnerChange =
  "no role may change the column that names the person, so the check repeats the condition of the update";

const EQUIVALENT: Record<string, string> = {
  "app_public.audit_log fence_brand check opened": noTenantChange,
  "app_public.brand_accounts fence_brand check opened": noTenantChange,
  "app_public.brand_members fence_brand check opened": noTenantChange,
  "app_public.credit_accounts fence_brand check opened": noTenantChange,
  "app_public.credit_grants fence_brand check opened": noTenantChange,
  "app_public.credit_hold_lines fence_brand check opened": noTenantChange,
  "app_public.credit_holds fence_brand check opened": noTenantChange,
  "app_public.credit_transfers fence_brand check opened": noTenantChange,
  "app_public.stripe_customers fence_brand check opened": noTenantChange,
  "app_public.stripe_subscriptions fence_brand check opened": noTenantChange,
  "app_public.stripe_subscription_items fence_brand check opened":
    noTenantChange,
  "app_public.stripe_discounts fence_brand check opened": noTenantChange,
  "app_public.stripe_invoices fence_brand check opened": noTenantChange,
  "app_public.stripe_refunds fence_brand check opened": noTenantChange,
  "app_public.subscription_grants fence_brand check opened": noTenantChange,
  "app_public.account_mrr fence_brand check opened": noTenantChange,
  "app_public.mrr_movements fence_brand check opened": noTenantChange,
  "app_public.tryon_feedback update_own check opened": noOwnerChange,
  "app_public.import_refusals fence_brand check opened": noTenantChange,
  "app_public.import_runs fence_brand check opened": noTenantChange,
  "app_public.users update_own check opened": noOwnerChange,
  "app_public.staff_members update_admin check opened": noOwnerChange,
  "app_public.wardrobe_items update_own check opened": noOwnerChange,
  "app_public.item_embeddings update_own check opened": noOwnerChange,
  "app_public.saved_views update_own check opened": noOwnerChange,
  "app_public.saved_views update_manager check opened": noOwnerChange,
  "app_public.brand_invitations update_owner check opened":
    "no role may set accepted_at, so the check repeats the condition of the update",
};

let db: TestDatabase;
let root: PoolClient;
const known = new Map<string, Known>();
let policies: Policy[] = [];
let dependents = new Map<string, Subject[]>();

beforeAll(async () => {
  db = await createTestDatabase();
  root = await db.root.connect();
  await installProbe(root);
  await createWorld(root);
  for (const subject of subjects) {
    known.set(subject.table, await knowTable(root, subject));
  }
  policies = await readPolicies();
  dependents = await readDependents();
});

afterAll(async () => {
  root.release();
  await db.drop();
});

async function readPolicies(): Promise<Policy[]> {
  const { rows } = await root.query<Policy>(
    `select n.nspname || '.' || c.relname as table, p.polname as name,
            p.polpermissive as permissive,
            pg_get_expr(p.polqual, p.polrelid) as using,
            pg_get_expr(p.polwithcheck, p.polrelid) as check,
            array(
              select r.rolname::text from pg_roles r, unnest(p.polroles) named
               where r.rolname like 'closetai\\_%' and not r.rolsuper
                 and pg_has_role(r.oid, named, 'usage')
               order by 1
            ) as binds
       from pg_policy p
       join pg_class c on c.oid = p.polrelid
       join pg_namespace n on n.oid = c.relnamespace
      where n.nspname like 'app\\_%'
      order by 1, 2`,
  );
  return rows;
}

/**
 * The table itself, and whatever reads it on behalf of a caller: views, and
 * policies of other tables.
 */
async function readDependents(): Promise<Map<string, Subject[]>> {
  const { rows } = await root.query<{ table: string; reader: string }>(
    `select distinct d.refobjid::regclass::text as table,
            coalesce(r.ev_class, p.polrelid)::regclass::text as reader
       from pg_depend d
       left join pg_rewrite r on d.classid = 'pg_rewrite'::regclass and r.oid = d.objid
       left join pg_policy p on d.classid = 'pg_policy'::regclass and p.oid = d.objid
      where d.refclassid = 'pg_class'::regclass
        and coalesce(r.ev_class, p.polrelid) <> d.refobjid`,
  );
  return new Map(
    subjects.map((subject) => {
      const readers = rows
        .filter(({ table }) => table === subject.table)
        .map(({ reader }) => reader);
      return [
        subject.table,
        subjects.filter(
          ({ table }) => table === subject.table || readers.includes(table),
        ),
      ];
    }),
  );
}

/** Runs it and takes everything back. */
async function undone<T>(fn: () => Promise<T>): Promise<T> {
  await root.query("savepoint mutant");
  try {
    return await fn();
  } finally {
    await root.query("rollback to savepoint mutant");
    await root.query("release savepoint mutant");
  }
}

const isOpen = (expression: string | null): boolean =>
  expression === null || expression === "true";

function openingClauses(policy: Policy, mutation: Mutation): string {
  const parts = [
    mutation !== "check opened" && policy.using !== null ? "using (true)" : "",
    mutation !== "using opened" && policy.check !== null
      ? "with check (true)"
      : "",
  ];
  return parts.filter((part) => part !== "").join(" ");
}

async function mutate(policy: Policy, mutation: Mutation): Promise<void> {
  await root.query(
    mutation === "dropped"
      ? `drop policy ${policy.name} on ${policy.table}`
      : `alter policy ${policy.name} on ${policy.table} ${openingClauses(policy, mutation)}`,
  );
}

/** What can be done to it that is not already so. */
function mutationsOf(policy: Policy): Mutation[] {
  const using = !isOpen(policy.using);
  const check = !isOpen(policy.check);
  return [
    "dropped",
    ...(using || check ? (["opened"] as const) : []),
    ...(using && check ? (["using opened", "check opened"] as const) : []),
  ];
}

async function openOtherLayer(policy: Policy): Promise<void> {
  for (const other of policies) {
    if (other.table !== policy.table) continue;
    if (other.permissive === policy.permissive) continue;
    await mutate(other, "opened");
  }
}

type Answers = Map<string, Map<ActorName, Outcomes>>;

/**
 * On the table itself only those it binds can notice a policy; through views
 * and other policies anybody may.
 */
function mayNotice(policy: Policy, table: string, actor: ActorName): boolean {
  return table !== policy.table || policy.binds.includes(roleOf(actor));
}

async function ask(
  policy: Policy,
  wanted?: (table: string, actor: ActorName, cell: string) => boolean,
): Promise<Answers> {
  const answers: Answers = new Map();
  for (const subject of dependents.get(policy.table) ?? []) {
    const rows = known.get(subject.table);
    if (rows === undefined) throw new Error(`${subject.table} is unknown`);
    answers.set(
      subject.table,
      await probe(within(root), subject, rows, {
        wanted: (actor, cell) => wanted?.(subject.table, actor, cell) ?? true,
      }),
    );
  }
  return answers;
}

function outcomeIn(
  answers: Answers,
  table: string,
  actor: ActorName,
  cell: string,
): string | undefined {
  return answers.get(table)?.get(actor)?.get(cell);
}

/** The first answer that changed, as a sentence; null when none did. */
function difference(before: Answers, after: Answers): string | null {
  for (const [table, byActor] of after) {
    for (const [actor, cells] of byActor) {
      for (const [cell, outcome] of cells) {
        const was = outcomeIn(before, table, actor, cell);
        if (was !== outcome) {
          return `${actor}: ${cell} of ${table}: ${was} → ${outcome}`;
        }
      }
    }
  }
  return null;
}

type Mutant = { name: string; policy: Policy; noticed: string | null };

/** Baselines differ only by which layer of which table is open. */
async function runMutants(): Promise<Mutant[]> {
  const mutants: Mutant[] = [];
  const layers = new Map<string, Policy[]>();
  for (const policy of policies) {
    const layer = `${policy.table} ${policy.permissive}`;
    layers.set(layer, [...(layers.get(layer) ?? []), policy]);
  }
  await root.query("begin");
  try {
    for (const inLayer of layers.values()) {
      const [first] = inLayer;
      if (first === undefined) continue;
      await undone(async () => {
        await openOtherLayer(first);
        const baseline = await ask(first);
        // A missing grant is no matter of policies: it stays missing.
        const wanted = (
          table: string,
          actor: ActorName,
          cell: string,
        ): boolean => outcomeIn(baseline, table, actor, cell) !== "denied";
        for (const policy of inLayer) {
          for (const mutation of mutationsOf(policy)) {
            const noticed = await undone(async () => {
              await mutate(policy, mutation);
              return difference(
                baseline,
                await ask(
                  policy,
                  (table, actor, cell) =>
                    mayNotice(policy, table, actor) &&
                    wanted(table, actor, cell),
                ),
              );
            });
            mutants.push({
              name: `${policy.table} ${policy.name} ${mutation}`,
              policy,
              noticed,
            });
          }
        }
      });
    }
  } finally {
    await root.query("rollback");
  }
  return mutants;
}

describe("the rules about the rules", () => {
  let mutants: Mutant[];

  beforeAll(async () => {
    mutants = await runMutants();
  }, 300_000);

  it("every policy of the catalogue was mutated", () => {
    expect(policies.length).toBeGreaterThan(0);
    expect(new Set(mutants.map(({ policy }) => policy)).size).toBe(
      policies.length,
    );
  });

  it("every mutant is noticed, or is listed with the reason why it cannot be", () => {
    const survivors = mutants
      .filter(({ noticed }) => noticed === null)
      .map(({ name }) => name);
    expect(survivors.sort()).toEqual(Object.keys(EQUIVALENT).sort());
  });

  it("every policy has a mutant that is noticed", () => {
    const caught = new Set(
      mutants
        .filter(({ noticed }) => noticed !== null)
        .map(({ policy }) => policy),
    );
    process.stdout.write(
      [
        `policies: ${policies.length}, caught: ${caught.size}, equivalent: ${Object.keys(EQUIVALENT).length}`,
        ...Object.entries(EQUIVALENT).map(
          ([name, reason]) => `  equivalent: ${name}: ${reason}`,
        ),
        "",
      ].join("\n"),
    );
    expect(policies.filter((policy) => !caught.has(policy))).toEqual([]);
  });

  it("the mutants are gone", async () => {
    expect(await readPolicies()).toEqual(policies);
  });
});
