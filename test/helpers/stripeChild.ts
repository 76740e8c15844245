// A server of its own process, with its worker, for tests that kill it: prints
// its address when it answers.
import { parseConfig } from "../../server/config.ts";
import type { Urls } from "../../server/db/urls.ts";
import type { Lifecycle } from "../../server/http/lifecycle.ts";
import { makeHttpServer } from "../../server/http/makeHttpServer.ts";
import { makeLog } from "../../server/http/makeLog.ts";
import { startApp } from "../../server/startApp.ts";

const urls = JSON.parse(process.env["STRIPE_CHILD_URLS"] ?? "{}") as Urls;
const config = parseConfig(process.env);
const lifecycle: Lifecycle = { state: "starting" };
const http = makeHttpServer(config, lifecycle);
const { port } = await http.listen();
await startApp({ config, log: makeLog(config), urls, http, lifecycle });
process.stdout.write(`http://127.0.0.1:${port}\n`);
