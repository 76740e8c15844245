/**
 * A process of its own that migrates, so that tests can kill it.
 *
 * usage: node migrateChild.ts <JSON of urls> <migrations folder>
 */
import { silentLog } from "../../server/db/log.ts";
import { migrate } from "../../server/db/migrate.ts";
import type { Urls } from "../../server/db/urls.ts";

const [, , urls = "", migrationsFolder = ""] = process.argv;
await migrate(JSON.parse(urls) as Urls, silentLog, { migrationsFolder });
