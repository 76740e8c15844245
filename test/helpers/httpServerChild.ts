/**
 * The real server in a process of its own, so that tests can kill it. Prints its
 * address once it is ready.
 *
 * usage: node httpServerChild.ts   (SETUP as JSON in the environment)
 */
import type { ChildSetup } from "./killable.ts";
import { startTestServer, TEST_LIMITS } from "./server.ts";

const { urls, filesDir } = JSON.parse(
  process.env["SETUP"] ?? "{}",
) as ChildSetup;
// Who started it is gone: nobody is left to kill it.
process.stdin.resume().once("end", () => process.exit());

const { url } = await startTestServer(
  { urls },
  {
    storage: { driver: "fs", dir: filesDir },
    // How much one person may ask is not what is tested with it.
    limits: { ...TEST_LIMITS, requestsPerMinute: 1_000_000 },
  },
);
console.log(url);
