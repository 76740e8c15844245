import { basename, relative } from "node:path";

import type { GraphQLSchema } from "graphql";
import type { Pool } from "pg";

import type { AppDeps, Development, LiveParts } from "../app.ts";
import { type Access, describeAccess } from "../db/describeAccess.ts";
import { errorMessage } from "../db/errorCode.ts";
import type { Log } from "../db/log.ts";
import { migrate, migrateCurrent } from "../db/migrate.ts";
import type { Urls } from "../db/urls.ts";
import type { Save } from "../db/watch.ts";
import type { LiveConstraintErrors } from "../errors/constraints.ts";
import { compareAccess } from "./compareAccess.ts";
import { compareSchemas } from "./compareSchemas.ts";
import { compareTables } from "./compareTables.ts";
import { compileCurrent, type CompiledCurrent } from "./compileCurrent.ts";
import { describeTables, type Tables } from "./describeTables.ts";
import { fingerprint } from "./fingerprint.ts";
import {
  type CatalogEvents,
  installCatalogEvents,
} from "./installCatalogEvents.ts";
import {
  type Fault,
  LocatedError,
  locateFault,
  locateIncludeFault,
} from "./locateFault.ts";
import { type Rehearsal, rehearse } from "./rehearse.ts";
import type { Report, Section, Timing } from "./report.ts";

/** What the database and the API looked like after the last change. */
type Known = {
  tables: Tables;
  access: Access;
  fingerprint: string;
  schema: GraphQLSchema;
};

export type RunningServer = {
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
};

export type DevLoopOptions = {
  urls: Urls;
  /** As the owner: describes what is there. */
  owner: Pool;
  log: Log;
  report: Report;
  /** The migrations folder. */
  folder: string;
  /** Starts the server on a migrated database. */
  serve(development: Pick<Development, "install">): Promise<RunningServer>;
  /** After a change that dropped tables with rows. */
  onRowsDropped(): Promise<void>;
};

const DRAIN_MS = 2_000;

/**
 * From a save to the running API: rehearse, apply, build what changed, swap it,
 * tell open pages, and say what the change did. What cannot be applied changes
 * nothing: the last good API keeps serving.
 */
export class DevLoop {
  readonly #options: DevLoopOptions;
  #server: RunningServer | null = null;
  #parts: LiveParts | null = null;
  #constraints: LiveConstraintErrors | null = null;
  #events: CatalogEvents | null = null;
  #known: Known | null = null;
  /** The current.sql that the database has. */
  #applied: string | null = null;

  constructor(options: DevLoopOptions) {
    this.#options = options;
  }

  get isServing(): boolean {
    return this.#server !== null;
  }

  /** Everything for the first time; false where the SQL has to be repaired first. */
  async start(): Promise<boolean> {
    const { urls, log, folder } = this.#options;
    let compiled: CompiledCurrent | null = null;
    try {
      compiled = await compileCurrent(urls, log, folder);
      await migrate(urls, log, { current: true, migrationsFolder: folder });
    } catch (error) {
      await this.#tellFault(error, compiled);
      return false;
    }
    this.#applied = compiled.sql;
    this.#server = await this.#options.serve({
      install: (app, deps, parts) => this.#install(app, deps, parts),
    });
    this.#known = await this.#look();
    return true;
  }

  async save(save: Save): Promise<void> {
    try {
      await this.#save(save);
    } catch (error) {
      // The database went away, perhaps: the next save begins with nothing known.
      this.#applied = null;
      this.#options.report.line(`  ✗ ${errorMessage(error)}`, "red");
    }
  }

  async #save({ paths, savedAt }: Save): Promise<void> {
    const { report, folder } = this.#options;
    report.saved(paths.map((path) => this.#shown(relative(folder, path))));
    if (!this.isServing) {
      if (await this.start()) report.line("  Repaired, and serving", "green");
      return;
    }
    const noticed = Date.now() - savedAt;
    const startedAt = performance.now();
    const outcome = await this.#apply(paths);
    if (outcome === null) return;
    if (outcome === "unchanged") {
      report.line("  Nothing to apply: the database has this already", "dim");
      return;
    }
    await this.#bringLive(outcome.rehearsal, {
      noticed,
      sql: performance.now() - startedAt,
    });
    if (outcome.rehearsal?.locks.some(({ dropped }) => dropped)) {
      await this.#options.onRowsDropped();
    }
  }

  async close(): Promise<void> {
    await this.#server?.drain(DRAIN_MS);
    await this.#server?.close();
    this.#server = null;
  }

  #install(
    app: Parameters<Development["install"]>[0],
    deps: AppDeps,
    parts: LiveParts,
  ): void {
    this.#parts = parts;
    this.#constraints = deps.constraints();
    this.#events = installCatalogEvents(app, deps, parts.catalogs);
  }

  /** Null after a fault, which is told. */
  async #apply(
    paths: readonly string[],
  ): Promise<{ rehearsal: Rehearsal | null } | "unchanged" | null> {
    const { urls, log, folder } = this.#options;
    let compiled: CompiledCurrent | null = null;
    try {
      const committed = paths.some((path) => /[\\/]committed[\\/]/.test(path));
      if (committed) {
        // What current.sql stands on comes first.
        await migrate(urls, log, { current: false, migrationsFolder: folder });
      }
      compiled = await compileCurrent(urls, log, folder);
      if (compiled.sql === this.#applied && !committed) return "unchanged";
      const rehearsal = await rehearse(urls, log, compiled);
      await migrateCurrent(urls, log, { migrationsFolder: folder });
      this.#applied = compiled.sql;
      return { rehearsal };
    } catch (error) {
      await this.#tellFault(error, compiled);
      return null;
    }
  }

  /** Swaps the API, tells open pages; then, with time, says what changed. */
  async #bringLive(
    rehearsal: Rehearsal | null,
    spent: Pick<Timing, "noticed" | "sql">,
  ): Promise<void> {
    const { report, owner } = this.#options;
    const { parts, events, known } = this.#serving();
    const goLive = async () => {
      const startedAt = performance.now();
      // Whoever tries a new constraint next is told its own words.
      const words = this.#constraints?.refresh();
      const print = await fingerprint(owner);
      let schema = known.schema;
      let schemaMs: number | null = null;
      let trouble: unknown = null;
      if (print !== known.fingerprint) {
        try {
          schema = await parts.api.rebuild();
          schemaMs = performance.now() - startedAt;
        } catch (error) {
          trouble = error;
        }
      }
      const builtAt = performance.now();
      await words;
      parts.catalogs.forget();
      const pages = await events.push();
      const now = performance.now();
      const timing: Timing = {
        ...spent,
        schema: schemaMs,
        catalog: now - builtAt,
        total: spent.noticed + spent.sql + (now - startedAt),
      };
      // A schema that could not be built is tried again with the next save.
      const seen = trouble === null ? print : known.fingerprint;
      return { schema, timing, pages, trouble, fingerprint: seen };
    };
    const live = await goLive();
    // Afterwards: what a person reads must not hold up what a page waits for.
    const [tables, access] = await Promise.all([
      describeTables(owner),
      this.#describeAccess(),
    ]);
    const sections: Section[] = [
      { title: "tables", changes: compareTables(known.tables, tables) },
      { title: "GraphQL", changes: compareSchemas(known.schema, live.schema) },
      { title: "access", changes: compareAccess(known.access, access) },
    ];
    report.sections(sections);
    report.locks(rehearsal);
    if (sections.every(({ changes }) => changes.length === 0)) {
      report.line("    No table, GraphQL type or right changed", "dim");
    }
    this.#known = {
      tables,
      access,
      schema: live.schema,
      fingerprint: live.fingerprint,
    };
    await this.#tellTags();
    if (live.trouble !== null) {
      report.line(
        `  ✗ The SQL is applied, but no GraphQL schema can be built of it; the last good one stays: ${errorMessage(live.trouble)}`,
        "red",
      );
    } else {
      report.live(live.timing, live.pages);
    }
  }

  async #tellTags(): Promise<void> {
    const { report } = this.#options;
    for (const fault of await this.#serving().parts.catalogs.faults()) {
      report.line(`  ! ${fault}`, "yellow");
    }
  }

  #serving(): { parts: LiveParts; events: CatalogEvents; known: Known } {
    const [parts, events, known] = [this.#parts, this.#events, this.#known];
    if (parts === null || events === null || known === null) {
      throw new Error("The API does not run yet");
    }
    return { parts, events, known };
  }

  async #look(): Promise<Known> {
    const { owner } = this.#options;
    const [tables, access, print] = await Promise.all([
      describeTables(owner),
      this.#describeAccess(),
      fingerprint(owner),
    ]);
    const schema = this.#parts?.api.schema();
    if (schema === undefined) throw new Error("The API does not run yet");
    return { tables, access, fingerprint: print, schema };
  }

  async #describeAccess(): Promise<Access> {
    const client = await this.#options.owner.connect();
    try {
      return await describeAccess(client);
    } finally {
      client.release();
    }
  }

  async #tellFault(
    error: unknown,
    compiled: CompiledCurrent | null,
  ): Promise<void> {
    const { report, folder } = this.#options;
    let fault: Fault;
    if (error instanceof LocatedError) fault = error.fault;
    else if (compiled === null) fault = await locateIncludeFault(error, folder);
    else fault = locateFault(error, compiled);
    report.fault(fault, this.#shown(""));
    report.line(
      this.isServing
        ? "  The last good API keeps serving"
        : "  Nothing is served yet; save the repaired file to go on",
      "dim",
    );
  }

  /** A file as a person names it: from the migrations folder on. */
  #shown(path: string): string {
    const folder = basename(this.#options.folder);
    return path === "" ? folder : `${folder}/${path}`;
  }
}
