/**
 * A process of its own that runs an embedded server, so that tests can kill it.
 * Prints one line of JSON when it is ready or has failed; ends when told to, or
 * when its standard input closes.
 *
 * usage: node embeddedChild.ts <data folder> [refuse|join]
 */
import { openEmbedded } from "../../server/db/embedded.ts";
import type { Log } from "../../server/db/log.ts";

const [, , dataDir = "", whenInUse = "refuse"] = process.argv;
const lines: string[] = [];
const keep = (text: string): void => {
  lines.push(text);
};
const log: Log = { debug: keep, info: keep, warn: keep, error: keep };

try {
  const server = await openEmbedded({
    dataDir,
    log,
    durable: false,
    purpose: "the child",
    whenInUse: whenInUse === "join" ? "join" : "refuse",
  });
  const { role, adopted, pid, port, clusterDir } = server;
  console.log(
    JSON.stringify({
      role,
      adopted,
      pid,
      port,
      clusterDir,
      url: server.url("postgres"),
      lines,
    }),
  );
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once("end", resolve));
  await server.close();
} catch (error) {
  console.log(JSON.stringify({ error: (error as Error).message, lines }));
  process.exitCode = 1;
}
