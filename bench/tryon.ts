// How fast four workers claim and complete jobs, with the queue alone in its table
// and behind a million finished jobs; what the claim reads; what live updates of
// the jobs cost. Workers are clients of their own connections, as closetai_worker.
import { Command } from "commander";
import pg from "pg";

import {
  backendsOf,
  type BenchDatabase,
  cpuSeconds,
  load,
  makeWorld,
  report,
  spread,
  withBenchDatabase,
  type World,
} from "./benchDatabase.ts";

const BUDGET = 500;

const options = new Command()
  .name("bench/tryon")
  .description("Works try-on jobs and writes bench/reports/tryon.md")
  .option("--jobs <count>", "jobs in each run", "6000")
  .option("--workers <count>", "workers", "4")
  .option("--finished <count>", "finished jobs around the queue", "1000000")
  .parse()
  .opts<{ jobs: string; workers: string; finished: string }>();

const JOBS = Number(options.jobs);
const WORKERS = Number(options.workers);

/** Jobs of the wallets in turn, and the result each will be completed with. */
async function fillQueue(
  { urls }: BenchDatabase,
  world: World,
  brandPays: boolean,
): Promise<void> {
  const owner = new pg.Client(urls.owner);
  await owner.connect();
  const owners = brandPays ? [world.brandId] : world.userIds;
  await owner.query(`
    do $$
    declare
      v_owners uuid[] := '{${owners.join(",")}}';
      v_owner uuid;
      v_job app_public.tryon_jobs;
    begin
      for i in 1..${JOBS} loop
        v_owner := v_owners[1 + i % cardinality(v_owners)];
        v_job := app_private.create_tryon(
          ${brandPays ? "null, v_owner" : "v_owner, null"}, 'dresses', 'selfie/' || v_owner || '.png', array['${world.productId}']::uuid[], '{}', null, null);
        insert into app_public.storage_objects (key, owner_user_id, owner_brand_id, kind, content_type, bytes, sha256, status)
        values ('result/' || v_job.id || '/1/result.png', v_job.user_id, ${brandPays ? "v_owner" : "null"}, 'result', 'image/png', 1, sha256('x'), 'available');
        if i % 200 = 0 then
          commit;
        end if;
      end loop;
    end
    $$`);
  await owner.query(
    "analyze app_public.tryon_jobs, app_public.storage_objects, app_public.credit_holds, app_public.credit_hold_lines, app_public.credit_grants, app_public.credit_accounts",
  );
  await owner.end();
}

type Worked = { line: string; claims: number[] };

/** Claims so many at once, completes each in a transaction of its own. */
async function work(
  { urls }: BenchDatabase,
  name: string,
  atOnce: number,
): Promise<Worked> {
  const pool = new pg.Pool({ connectionString: urls.worker, max: WORKERS });
  const pids = await backendsOf(pool);
  const claims: number[] = [];
  const before = cpuSeconds(pids);
  const began = performance.now();
  const done = await Promise.all(
    Array.from({ length: WORKERS }, async (_, at) => {
      const client = await pool.connect();
      const worker = `bench-${at}`;
      let count = 0;
      for (;;) {
        const asked = performance.now();
        const { rows } = await client.query<{ id: string; attempt: number }>(
          "select id, attempt from app_private.claim_tryon_jobs($1, $2, 60)",
          [worker, atOnce],
        );
        if (rows.length === 0) break;
        claims.push(performance.now() - asked);
        for (const { id, attempt } of rows) {
          await client.query(
            "select 1 from app_private.complete_tryon($1, $2, $3, $4, 0.93, 5)",
            [worker, id, attempt, `result/${id}/1/result.png`],
          );
          count++;
        }
      }
      client.release();
      return count;
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const used = cpuSeconds(pids) - before;
  await pool.end();
  const total = done.reduce((sum, count) => sum + count, 0);
  if (total !== JOBS) throw new Error(`${total} of ${JOBS} jobs were worked`);
  const rate = total / seconds;
  // Two processors, and nothing else on them: the most the SQL alone allows.
  const possible = (2 * total) / used;
  const { p50, p95 } = spread(claims);
  return {
    claims,
    line: `| ${name} | ${atOnce} | ${rate.toFixed(0)}/s ${rate >= BUDGET ? "kept" : "**missed**"} | ${((used * 1000) / total).toFixed(2)} | ${possible.toFixed(0)}/s | ${p50.toFixed(1)} | ${p95.toFixed(1)} |`,
  };
}

/** Months of finished jobs of subscribers, who need no hold: the table, not the ledger. */
async function fillHistory(root: pg.Client, world: World): Promise<void> {
  await root.query("begin");
  await root.query(
    "alter table app_public.tryon_jobs disable trigger _200_tryon_transition",
  );
  const batch = 100_000;
  for (let from = 0; from < Number(options.finished); from += batch) {
    await root.query(
      `insert into app_public.tryon_jobs
         (id, user_id, payer, status, category_code, selfie_key, cost, attempt, error_code, started_at, finished_at, queued_at, created_at)
       select app_private.uuid_v7(), u.ids[1 + n % cardinality(u.ids)], 'pro', 'failed', 'dresses', 'selfie/' || u.ids[1 + n % cardinality(u.ids)] || '.png',
         0, 1, 'NO_BODY_FOUND', now(), now(), now(), now()
       from generate_series($2::integer, $3::integer) as n, (select $1::uuid[] as ids) as u`,
      [
        world.userIds,
        from + 1,
        Math.min(from + batch, Number(options.finished)),
      ],
    );
  }
  await root.query(
    "alter table app_public.tryon_jobs enable trigger _200_tryon_transition",
  );
  await root.query("commit");
  await root.query("vacuum analyze app_public.tryon_jobs");
}

type PlanNode = {
  "Node Type": string;
  "Index Name"?: string;
  "Relation Name"?: string;
  "Shared Hit Blocks"?: number;
  "Shared Read Blocks"?: number;
  Plans?: PlanNode[];
};

/** The query of claim_tryon_jobs, and the index of each table it reads. */
async function explainClaim(root: pg.Client): Promise<string> {
  const { rows: source } = await root.query<{ body: string }>(
    "select prosrc as body from pg_proc where proname = 'claim_tryon_jobs' and pronamespace = 'app_private'::regnamespace",
  );
  // What is explained is what runs: cut out of the function, with its arguments filled in.
  const body = source[0]?.body ?? "";
  const query = /v_ids := array\(([\s\S]*?)\n {2}\);/
    .exec(body)?.[1]
    ?.replaceAll("claim_tryon_jobs.n", "10")
    .replace("v_from", "app_private.uuid_v7_floor(now() - interval '8 days')")
    .replace("v_to", "app_private.uuid_v7_floor(now() + interval '1 day')");
  if (query === undefined) throw new Error("The claim has another form now");
  await root.query("begin");
  const { rows } = await root.query<{ "QUERY PLAN": { Plan: PlanNode }[] }>(
    `explain (analyze, buffers, costs off, format json) ${query}`,
  );
  const { rows: text } = await root.query<{ "QUERY PLAN": string }>(
    `explain (analyze, buffers, costs off, timing off) ${query}`,
  );
  await root.query("rollback");
  const plan = rows[0]?.["QUERY PLAN"][0]?.Plan;
  if (plan === undefined) throw new Error("There is no plan");
  const scans: PlanNode[] = [];
  const walk = (node: PlanNode) => {
    if (node["Relation Name"] !== undefined && node["Node Type"] !== "LockRows")
      scans.push(node);
    node.Plans?.forEach(walk);
  };
  walk(plan);
  const { rows: partial } = await root.query<{ name: string }>(
    "select c.relname as name from pg_index i join pg_class c on c.oid = i.indexrelid where pg_get_expr(i.indpred, i.indrelid) ~ 'queued'",
  );
  const names = new Set(partial.map(({ name }) => name));
  const others = scans.filter(
    (scan) => !names.has(scan["Index Name"] ?? "a whole table"),
  );
  const blocks =
    (plan["Shared Hit Blocks"] ?? 0) + (plan["Shared Read Blocks"] ?? 0);
  return `${scans.length} partitions are read, each through its partial index \`where status = 'queued'\`; ${others.length === 0 ? "nothing else is" : `**${others.length} are not**`}. ${blocks} blocks for 10 jobs.

\`\`\`
${text.map((line) => line["QUERY PLAN"]).join("\n")}
\`\`\``;
}

await withBenchDatabase(async (database) => {
  const { root, urls, version } = database;
  const before = load();
  const lines: string[] = [];
  const world = await makeWorld(root, 200, 1_000_000);
  const run = async (name: string, brandPays: boolean, atOnce: number) => {
    await fillQueue(database, world, brandPays);
    const { line } = await work(database, name, atOnce);
    lines.push(line);
    console.log(line);
  };
  await run("200 wallets", false, 10);
  await run("200 wallets, one at a time", false, 1);
  await run("one wallet of a brand", true, 10);
  await fillHistory(root, world);
  await run(
    `behind ${Number(options.finished).toLocaleString("en")} finished jobs`,
    false,
    10,
  );
  await fillQueue(database, world, false);
  const plan = await explainClaim(root);
  await work(database, "", 10);
  // Live updates: statement triggers, first with nobody listening, then with the
  // lock a server holds while somebody watches.
  await root.query(
    "call app_private.announce_changes('app_public.tryon_jobs', brand_column => 'brand_id', user_column => 'user_id')",
  );
  await run("live, nobody watches", false, 10);
  const listener = new pg.Client(urls.root);
  await listener.connect();
  let told = 0;
  listener.on("notification", () => told++);
  await listener.query("listen app_rows");
  await listener.query(
    "select pg_advisory_lock_shared(7264106, hashtext('tryon_jobs'))",
  );
  await run("live, and watched", false, 10);
  await listener.query("select 1");
  await listener.end();
  const { rows: broken } = await root.query(
    "select * from app_private.check_invariants()",
  );
  await report(
    "tryon",
    `# Claiming and completing try-on jobs

\`npm run bench:tryon\`: PostgreSQL ${version} that writes to disk, Node ${process.versions.node}, ${WORKERS} workers, ${JOBS.toLocaleString("en")} jobs in each run, results registered beforehand.
Load before: ${before}; after: ${load()}. Workers and server share the machine with whatever else ran on it:
time of the processor is what the backends used, and "two processors" is the rate it allows where nothing else runs.
Budget: ${BUDGET} jobs a second on two processors.

| jobs | claimed at once | rate | ms of processor each | two processors | claim p50 ms | claim p95 ms |
|---|---:|---:|---:|---:|---:|---:|
${lines.join("\n")}

A job is a share of a claim and one completion: the attempt is kept, the hold captured, the ledger moved.
While it was watched, ${told.toLocaleString("en")} notifications came for ${JOBS.toLocaleString("en")} jobs and their claims.

## What a claim reads

${plan}

Invariants broken after all of it: ${broken.length}.
`,
  );
});
