import { promisify } from "node:util";
import { gzip } from "node:zlib";

import type { GraphQLSchema } from "graphql";
import type { Pool } from "pg";

import { buildCatalog } from "./buildCatalog.ts";
import { registryShapeOf } from "./CatalogPlugin.ts";
import { type Facts, loadFacts } from "./facts.ts";
import type { Catalog } from "./types.ts";

/** Whoever signs in runs as one of these; nobody else has a catalogue. */
export const CATALOG_ROLES = [
  "closetai_user",
  "closetai_viewer",
  "closetai_analyst",
  "closetai_manager",
  "closetai_brand_owner",
  "closetai_staff_support",
  "closetai_staff_finance",
  "closetai_staff_privacy",
  "closetai_staff_admin",
] as const;

export type ServedCatalog = {
  catalog: Catalog;
  etag: string;
  json: Buffer;
  gzipped: Buffer;
};

const compress = promisify(gzip);

/**
 * The catalogue of each role, made once per schema and kept: what depends on
 * the person is decided by policies, never here.
 */
export class Catalogs {
  readonly #pool: Pool;
  readonly #getSchema: () => GraphQLSchema | Promise<GraphQLSchema>;
  #facts: Promise<Facts> | null = null;
  #schema: GraphQLSchema | null = null;
  readonly #served = new Map<string, Promise<ServedCatalog>>();

  constructor(
    pool: Pool,
    getSchema: () => GraphQLSchema | Promise<GraphQLSchema>,
  ) {
    this.#pool = pool;
    this.#getSchema = getSchema;
  }

  /** Misspelt or misplaced `@admin.*` tags, one sentence each. */
  async faults(): Promise<string[]> {
    const { faults, resources } = registryShapeOf(await this.#getSchema());
    this.#facts ??= loadFacts(this.#pool, CATALOG_ROLES);
    const { searches } = await this.#facts;
    return [
      ...faults,
      ...resources.flatMap(({ name, tags }) =>
        tags["search"] === undefined || tags["search"] in searches
          ? []
          : [
              `table ${name}: @admin.search names ${tags["search"]}, which is no function from a text to keys that anybody may run.`,
            ],
      ),
    ];
  }

  async of(role: string): Promise<ServedCatalog | null> {
    if (!CATALOG_ROLES.some((known) => known === role)) return null;
    const schema = await this.#getSchema();
    if (schema !== this.#schema) {
      this.#schema = schema;
      this.forget();
    }
    let served = this.#served.get(role);
    if (served === undefined) {
      served = this.#make(role, schema);
      this.#served.set(role, served);
      // A failure is told to who asked, and the next one tries again.
      served.catch(() => this.#served.delete(role));
    }
    return served;
  }

  /** Grants may change without the schema changing: a saved policy file does that. */
  forget(): void {
    this.#facts = null;
    this.#served.clear();
  }

  async #make(role: string, schema: GraphQLSchema): Promise<ServedCatalog> {
    this.#facts ??= loadFacts(this.#pool, CATALOG_ROLES);
    const catalog = buildCatalog(
      registryShapeOf(schema),
      await this.#facts,
      role,
    );
    const json = Buffer.from(JSON.stringify(catalog));
    return {
      catalog,
      etag: `"${catalog.version}"`,
      json,
      gzipped: await compress(json),
    };
  }
}
