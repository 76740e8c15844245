// How long an import of 100,000 generated rows takes, and how much memory. The
// import runs in a process of its own, so that its peak is the import's alone:
// upload, staging and batches, as the server and the command line do them.
import { spawn } from "node:child_process";
import { createReadStream, createWriteStream, mkdtempSync } from "node:fs";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";

import { SingleBar } from "cli-progress";
import { Command } from "commander";
import pg from "pg";

import { actorFor } from "../server/auth/actor.ts";
import { withMigratedDatabase } from "../server/cli/withMigratedDatabase.ts";
import { withActor } from "../server/db/withActor.ts";
import type { ImportRun } from "../server/import/importRun.ts";
import { runImport } from "../server/import/runImport.ts";
import { findImport, uploadImport } from "../server/import/uploadImport.ts";
import { makeDisk } from "../server/storage/makeDisk.ts";

const BUDGET_MB = 200;
const REPORT = join(import.meta.dirname, "reports", "import.md");

type Task = {
  urls: { app: string; worker: string };
  dir: string;
  file: string;
  role: string;
  userId: string;
  brandId: string;
};

type Measured = {
  uploadSeconds: number;
  stageSeconds: number;
  batchSeconds: number;
  peakMb: number;
  startMb: number;
  run: Pick<
    ImportRun,
    | "total_rows"
    | "created_count"
    | "updated_count"
    | "unchanged_count"
    | "refused_count"
  >;
};

const options = new Command()
  .name("bench/import")
  .description("Imports generated rows and writes bench/reports/import.md")
  .option("--rows <count>", "how many rows", "100000")
  .parse()
  .opts<{ rows: string }>();

if (process.env["BENCH_IMPORT"] === undefined) await measureAll();
else await measureOne(JSON.parse(process.env["BENCH_IMPORT"]) as Task);

async function measureAll(): Promise<void> {
  const rows = Number(options.rows);
  const dir = mkdtempSync(join(tmpdir(), "closetai-bench-"));
  try {
    const file = join(dir, "catalogue.csv");
    await pipeline(Readable.from(catalogue(rows)), createWriteStream(file));
    const { size } = await stat(file);
    console.log(
      `${rows.toLocaleString("en")} rows, ${(size / 1024 / 1024).toFixed(1)} MB`,
    );
    const report = await withMigratedDatabase(async ({ urls }) => {
      const person = await makeOwner(urls.root);
      const task = { urls, dir, file, role: "closetai_brand_owner", ...person };
      const first = await inProcessOfItsOwn(task);
      const second = await inProcessOfItsOwn(task);
      const root = new pg.Client(urls.root);
      await root.connect();
      const { rows: versions } = await root.query<{ version: string }>(
        "select current_setting('server_version') as version",
      );
      await root.end();
      return describe(rows, size, versions[0]?.version ?? "", first, second);
    });
    await mkdir(join(import.meta.dirname, "reports"), { recursive: true });
    await writeFile(REPORT, report);
    process.stdout.write(`\n${report}`);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Rows as a real export has them: quoted commas, accents, unknown values, strangers. */
function* catalogue(rows: number): Generator<string, void, undefined> {
  const types = ["Tshirts", "Heels", "Jeans", "Caps", "Dresses", "Lipstick"];
  const colours = ["Navy Blue", "Black", "NA", "Écru", ""];
  yield "id,gender,masterCategory,articleType,baseColour,season,year,usage,productDisplayName,price,currency,tags\n";
  for (let at = 1; at <= rows; at++) {
    const type = types[at % types.length] ?? "";
    const colour = colours[at % colours.length] ?? "";
    yield `${100_000 + at},Women,Apparel,${type},${colour},Summer,${2000 + (at % 25)},Casual,"Atelier ${colour} ${type}, style no. ${at}",${at % 300}.90,EUR,"${type};number-${at % 97}"\n`;
  }
}

async function makeOwner(
  rootUrl: string,
): Promise<{ userId: string; brandId: string }> {
  const root = new pg.Client(rootUrl);
  await root.connect();
  try {
    const { rows } = await root.query<{ userId: string; brandId: string }>(
      `with brand as (
         insert into app_public.brand_accounts (slug, name, status) values ('bench', 'Bench', 'active') returning id
       ), person as (
         insert into app_public.users (email) values ('bench@example.test') returning id
       ), member as (
         insert into app_public.brand_members (brand_id, user_id, role)
         select brand.id, person.id, 'owner' from brand, person
       )
       select person.id as "userId", brand.id as "brandId" from brand, person`,
    );
    const [row] = rows;
    if (row === undefined) throw new Error("No owner was made");
    return row;
  } finally {
    await root.end();
  }
}

async function inProcessOfItsOwn(task: Task): Promise<Measured> {
  const child = spawn(process.execPath, [import.meta.filename], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, BENCH_IMPORT: JSON.stringify(task) },
  });
  const out = await text(child.stdout);
  if (out === "") throw new Error("The measured process said nothing");
  return JSON.parse(out) as Measured;
}

async function measureOne(task: Task): Promise<void> {
  const startMb = peakMb();
  const app = new pg.Pool({ connectionString: task.urls.app, max: 2 });
  const worker = new pg.Pool({ connectionString: task.urls.worker, max: 2 });
  const log = {
    info: () => undefined,
    warn: console.error,
    error: console.error,
  };
  const files = await makeDisk({ driver: "fs", dir: join(task.dir, "files") });
  const actor = actorFor(task.role, task.userId, task.brandId, "bench");
  const bar = new SingleBar({ format: "{bar} {value}/{total} {duration}s" });

  const began = performance.now();
  const { run, mapping } = await uploadImport(
    { app, files, maxBytes: 1024 ** 3, log },
    actor,
    "catalogue.csv",
    createReadStream(task.file),
  );
  const uploaded = performance.now();
  await withActor(app, actor, (client) =>
    client.query("select app_public.start_import($1, $2, false)", [
      run.id,
      JSON.stringify(mapping),
    ]),
  );
  let staged = uploaded;
  await runImport(
    {
      app,
      worker,
      files,
      log,
      onProgress: (now) => {
        if (now.processed_rows === 0) {
          staged = performance.now();
          bar.start(now.total_rows ?? 0, 0);
        }
        bar.update(now.processed_rows);
      },
    },
    run.id,
  );
  const ended = performance.now();
  bar.stop();
  const result: Measured = {
    uploadSeconds: (uploaded - began) / 1000,
    stageSeconds: (staged - uploaded) / 1000,
    batchSeconds: (ended - staged) / 1000,
    peakMb: peakMb(),
    startMb,
    run: await findImport(app, actor, run.id),
  };
  await Promise.all([app.end(), worker.end()]);
  process.stdout.write(JSON.stringify(result));
}

/** The most memory this process has ever held, as the system counts it. */
function peakMb(): number {
  return process.resourceUsage().maxRSS / 1024;
}

function describe(
  rows: number,
  size: number,
  version: string,
  first: Measured,
  second: Measured,
): string {
  const number = (value: number | null) => (value ?? 0).toLocaleString("en");
  const line = (name: string, { run, ...m }: Measured) => {
    const total = m.uploadSeconds + m.stageSeconds + m.batchSeconds;
    return `| ${name} | ${number(run.created_count)} | ${number(run.updated_count)} | ${number(run.unchanged_count)} | ${number(run.refused_count)} | ${m.uploadSeconds.toFixed(1)} s | ${m.stageSeconds.toFixed(1)} s | ${m.batchSeconds.toFixed(1)} s | ${number(Math.round(rows / total))}/s | ${m.peakMb.toFixed(0)} MB |`;
  };
  const peak = Math.max(first.peakMb, second.peakMb);
  return `# Import of ${number(rows)} generated rows

\`node bench/import.ts\`: ${(size / 1024 / 1024).toFixed(1)} MB of CSV, ${cpus().length} processors, PostgreSQL ${version}, Node ${process.versions.node}.
Memory is the peak resident size of the importing process, from its start to its end (${first.startMb.toFixed(0)} MB when it had loaded its modules).

| import | created | updated | unchanged | refused | upload | staging | batches | rows | peak memory |
|---|---|---|---|---|---|---|---|---|---|
${line("first", first)}
${line("the same file again", second)}

Budget: less than ${BUDGET_MB} MB. ${peak < BUDGET_MB ? "Kept" : "**Exceeded**"}: ${peak.toFixed(0)} MB.
`;
}
