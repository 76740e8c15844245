/**
 * A GPU worker in a process of its own, so that tests can kill it. It claims
 * ahead and always keeps a job in hand, so that its death leaves work undone.
 * Prints each result as JSON once the database has acknowledged it.
 *
 * usage: node tryonWorkerChild.ts <name>   (SETUP as JSON in the environment)
 */
import { setTimeout as sleep } from "node:timers/promises";

import pg from "pg";

import type { ChildSetup } from "./killable.ts";
import {
  beginResult,
  claim,
  complete,
  storeResult,
  type TryonJob,
} from "./tryonWorker.ts";

const [, , name = ""] = process.argv;
const { urls } = JSON.parse(process.env["SETUP"] ?? "{}") as ChildSetup;
const worker = new pg.Pool({ connectionString: urls.worker, max: 2 });
const app = new pg.Pool({ connectionString: urls.app, max: 2 });
// Who started it is gone: nobody is left to kill it.
process.stdin.resume().once("end", () => process.exit());

const inHand: TryonJob[] = [];
for (;;) {
  inHand.push(...(await claim(worker, name, 4, 600)));
  const [job] = inHand.length > 1 ? inHand.splice(0, 1) : [];
  if (job === undefined) {
    await sleep(20);
    continue;
  }
  const resultKey = await beginResult(worker, name, job);
  await storeResult(app, resultKey);
  await complete(worker, name, job, resultKey);
  const { id, attempt } = job;
  console.log(JSON.stringify({ worker: name, id, attempt, resultKey }));
}
