import type { ClientBase } from "pg";

import {
  type ActorName,
  actorNames,
  as,
  namedActor,
} from "../helpers/actors.ts";
import type { TestDatabase } from "../helpers/database.ts";
import { rowNames } from "../helpers/world.ts";
import type { Subject } from "./subjects.ts";

/**
 * Tries things and says what happened, in words that can be compared:
 *
 * - `denied`: the role has no right to say it at all (a grant is missing);
 * - `refused`: a policy's check turned the new row down;
 * - a code: a trigger or a constraint did;
 * - rows by name, or none of them: what the policies let through.
 *
 * Every attempt is undone at once, deferred constraints included.
 */

const INSTALL = `
create schema access_probe;
grant usage on schema access_probe to public;

create function access_probe.attempt(statement text, reads boolean) returns text
language plpgsql
as $$
declare
  v_rows bigint;
  v_seen text;
begin
  if reads then
    execute statement into v_seen;
    return 'sees ' || coalesce(v_seen, '');
  end if;
  execute statement;
  get diagnostics v_rows = row_count;
  set constraints all immediate;
  raise exception using errcode = 'PROBE', message = v_rows::text;
exception when others then
  return case
    when sqlstate = 'PROBE' then 'rows ' || sqlerrm
    when sqlstate = '42501' and sqlerrm like 'new row violates row-level security policy%' then 'refused'
    when sqlstate = '42501' and sqlerrm like 'permission denied for%' then 'denied'
    else sqlstate
  end;
end
$$;

create function access_probe.attempt_all(statements jsonb) returns text[]
language sql
as $$
  select array_agg(access_probe.attempt(s.value ->> 'sql', (s.value ->> 'reads')::boolean) order by s.position)
  from jsonb_array_elements(statements) with ordinality as s (value, position)
$$;
`;

export async function installProbe(root: ClientBase): Promise<void> {
  await root.query(INSTALL);
}

type Statement = { sql: string; reads: boolean };

/** Runs statements as somebody; one answer each. */
export type Runner = (
  actor: ActorName,
  statements: Statement[],
) => Promise<string[]>;

const RUN = "select access_probe.attempt_all($1) as outcomes";

async function attemptAll(
  client: ClientBase,
  statements: Statement[],
): Promise<string[]> {
  const { rows } = await client.query<{ outcomes: string[] | null }>(RUN, [
    JSON.stringify(statements),
  ]);
  return rows[0]?.outcomes ?? [];
}

/** Through the login each actor really has. */
export function throughLogins(db: TestDatabase): Runner {
  return (actor, statements) =>
    as(db, actor, (client) => attemptAll(client, statements));
}

/** The database role that an actor's statements run as. */
export function roleOf(name: ActorName): string {
  const { login, actor } = namedActor(name);
  return (
    actor?.role ?? (login === "worker" ? "closetai_worker" : "closetai_app")
  );
}

/**
 * Inside the transaction of a superuser, who becomes each actor in turn: so that
 * what the transaction did to the policies is seen.
 */
export function within(client: ClientBase): Runner {
  return async (actor, statements) => {
    const { actor: who } = namedActor(actor);
    await client.query(
      `select set_config('app.user_id', $1, true), set_config('app.brand_id', $2, true),
              set_config('app.api_key_id', '', true), set_config('role', $3, true)`,
      [who?.userId ?? "", who?.brandId ?? "", roleOf(actor)],
    );
    try {
      return await attemptAll(client, statements);
    } finally {
      await client.query("select set_config('role', 'none', true)");
    }
  };
}

/** As the superuser: the control that shows an attempt could succeed. */
export function asRoot(
  client: ClientBase,
): (statements: Statement[]) => Promise<string[]> {
  return (statements) => attemptAll(client, statements);
}

/** A row by its key as text, and by the name the tests give it. */
export type KnownRow = { pk: string; name: string };

export type Known = {
  rows: KnownRow[];
  columns: string[];
  generated: string[];
};

/** What there is, as the superuser sees it. */
export async function knowTable(
  root: ClientBase,
  subject: Subject,
): Promise<Known> {
  const names = rowNames[subject.table] ?? {};
  const { rows } = await root.query<{ pk: string }>(
    `select ${keyText(subject)} as pk from ${subject.view ?? subject.table} order by 1`,
  );
  const { rows: columns } = await root.query<{
    name: string;
    generated: boolean;
  }>(
    `select attname as name, attgenerated <> '' as generated
       from pg_attribute
      where attrelid = $1::regclass and attnum > 0 and not attisdropped
      order by attnum`,
    [subject.table],
  );
  return {
    rows: rows.map(({ pk }) => ({ pk, name: names[pk] ?? pk })),
    columns: columns.map(({ name }) => name),
    generated: columns.filter((c) => c.generated).map(({ name }) => name),
  };
}

function keyText({ key }: Subject): string {
  return key.map((column) => `${column}::text`).join(" || ',' || ");
}

/** One attempt and the question it answers a part of. */
type Attempt = { cell: string; part: string } & Statement;

/** Lookups have many rows, all alike: some stand for the others. */
const SAMPLE = 20;

function attemptsOn(subject: Subject, known: Known): Attempt[] {
  const { table } = subject;
  const attempts: Attempt[] = [
    {
      cell: "select",
      part: "rows",
      sql: `select string_agg(k, '|' order by k) from (select ${keyText(subject)} as k from ${table}) s`,
      reads: true,
    },
  ];
  if (subject.view) return attempts;
  for (const [name, row] of Object.entries(subject.inserts ?? {})) {
    attempts.push({
      cell: `insert ${name}`,
      part: "insert",
      sql: `insert into ${table} (${Object.keys(row).join(", ")}) values (${Object.values(row).join(", ")})`,
      reads: false,
    });
  }
  const rows = known.rows.slice(0, SAMPLE);
  const changes = [
    ...Object.entries(subject.updates ?? {}).map(
      ([name, set]) =>
        [`update ${name}`, `update ${table} set ${set}`] as const,
    ),
    ["delete", `delete from ${table}`] as const,
  ];
  for (const [cell, change] of changes) {
    for (const { pk, name } of rows) {
      attempts.push({
        cell,
        part: `row ${name}`,
        sql: `${change} where ${keyText(subject)} = '${pk.replaceAll("'", "''")}'`,
        reads: false,
      });
    }
    // Without WHERE no column is read, so no select policy is asked.
    attempts.push({ cell, part: "at once", sql: change, reads: false });
  }
  return attempts;
}

/** What a column would answer: nothing is written, rights are checked all the same. */
function columnAttempts(subject: Subject, known: Known): Attempt[] {
  if (subject.view) return [];
  const { table } = subject;
  return known.columns.flatMap((column) => [
    {
      cell: "insert columns",
      part: column,
      sql: known.generated.includes(column)
        ? `insert into ${table} (${column}) values (default)`
        : `insert into ${table} (${column}) select (null::${table}).${column} where false`,
      reads: false,
    },
    {
      cell: "update columns",
      part: column,
      sql: `update ${table} set ${column} = default where false`,
      reads: false,
    },
  ]);
}

/** What became of each question, as one line of text. */
export type Outcomes = Map<string, string>;

function summarise(
  known: Known,
  attempts: Attempt[],
  outcomes: string[],
): Outcomes {
  const cells = new Map<string, { part: string; outcome: string }[]>();
  attempts.forEach(({ cell, part }, at) => {
    const parts = cells.get(cell) ?? [];
    parts.push({ part, outcome: outcomes[at] ?? "no answer" });
    cells.set(cell, parts);
  });
  return new Map(
    [...cells].map(([cell, parts]) => [
      cell,
      cell.endsWith(" columns")
        ? columnsOf(parts)
        : parts[0]?.outcome.startsWith("sees ")
          ? seenRows(known, parts[0].outcome)
          : touchedRows(parts),
    ]),
  );
}

function columnsOf(parts: { part: string; outcome: string }[]): string {
  const allowed = parts.filter(({ outcome }) => outcome !== "denied");
  return allowed.length === 0
    ? "denied"
    : allowed.map(({ part }) => part).join(", ");
}

function seenRows(known: Known, outcome: string): string {
  const names = new Map(known.rows.map(({ pk, name }) => [pk, name]));
  const text = outcome.slice("sees ".length);
  return text === ""
    ? NOTHING
    : listOf(text.split("|").map((pk) => names.get(pk) ?? pk));
}

function touchedRows(parts: { part: string; outcome: string }[]): string {
  if (parts.every(({ outcome }) => outcome === "denied")) return "denied";
  if (parts.length === 1 && parts[0]?.part === "insert") {
    return parts[0].outcome === "rows 1" ? "done" : parts[0].outcome;
  }
  const rows = parts
    .filter(({ part, outcome }) => part !== "at once" && outcome !== "rows 0")
    .map(({ part, outcome }) =>
      outcome === "rows 1"
        ? part.slice("row ".length)
        : `${part.slice("row ".length)}=${outcome}`,
    );
  const atOnce = parts.find(({ part }) => part === "at once")?.outcome ?? "";
  return `${listOf(rows)}; at once ${atOnce.replace(/^rows /, "")}`;
}

export const NOTHING = "nothing";

export function listOf(names: string[]): string {
  return names.length === 0 ? NOTHING : [...names].sort().join(", ");
}

/** Answers every question about one table for some actors. */
export async function probe(
  run: Runner,
  subject: Subject,
  known: Known,
  options: {
    actors?: readonly ActorName[];
    columns?: boolean;
    /** Leaves out what is already known to be beyond policies. */
    wanted?: (actor: ActorName, cell: string) => boolean;
  } = {},
): Promise<Map<ActorName, Outcomes>> {
  const all = [
    ...attemptsOn(subject, known),
    ...(options.columns ? columnAttempts(subject, known) : []),
  ];
  const answers = new Map<ActorName, Outcomes>();
  for (const actor of options.actors ?? actorNames) {
    const attempts = all.filter(
      ({ cell }) => options.wanted?.(actor, cell) ?? true,
    );
    if (attempts.length === 0) continue;
    const outcomes = await run(
      actor,
      attempts.map(({ sql, reads }) => ({ sql, reads })),
    );
    answers.set(actor, summarise(known, attempts, outcomes));
  }
  return answers;
}

/** The same attempts by the superuser, whom nothing binds but the data. */
export async function probeAsRoot(
  root: ClientBase,
  subject: Subject,
  known: Known,
): Promise<{ cell: string; part: string; outcome: string }[]> {
  const attempts = attemptsOn(subject, known);
  const outcomes = await asRoot(root)(
    attempts.map(({ sql, reads }) => ({ sql, reads })),
  );
  return attempts.map(({ cell, part }, at) => ({
    cell,
    part,
    outcome: outcomes[at] ?? "no answer",
  }));
}
