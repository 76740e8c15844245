import { Command } from "commander";
import {
  lexicographicSortSchema,
  parse,
  print,
  printSchema,
} from "postgraphile/graphql";
import { format } from "prettier";
import { listOperations } from "ra-data-postgraphile";

import { adoptCatalog } from "../../admin/src/catalog/adopt.ts";
import type { Catalog } from "../catalog/types.ts";
import { withClient } from "../db/clients.ts";
import { describeAccess } from "../db/describeAccess.ts";
import { writeGeneratedFile } from "./generatedFile.ts";
import { readMigratedSchema } from "./migratedSchema.ts";
import { withMigratedDatabase } from "./withMigratedDatabase.ts";

const program = new Command()
  .name("generate")
  .description(
    `Writes what a freshly migrated database gives, so that a review shows what a
migration does:
  data/schema.graphql      the GraphQL schema, sorted
  data/access.json         which role may do what with which table and function,
                           and every policy
  data/operations.graphql  every operation the admin's pages send by themselves,
                           as the catalogue describes their tables to the roles;
                           a test keeps them within the limits`,
  )
  .option("--check", "write nothing; exit 1 when a file is out of date")
  .parse();

const check = program.opts<{ check?: boolean }>().check === true;

const files = await withMigratedDatabase(async (database) => {
  const { schema, catalogs, faults } = await readMigratedSchema(
    database,
    "the generated files",
  );
  if (faults.length > 0) {
    throw new Error(
      `Tags in comments that nobody understands:\n  ${faults.join("\n  ")}`,
    );
  }
  const access = await withClient(database.urls.root, describeAccess);
  return {
    "data/schema.graphql": `${printSchema(lexicographicSortSchema(schema))}\n`,
    "data/access.json": await format(JSON.stringify(access), {
      parser: "json",
    }),
    "data/operations.graphql": printOperations(catalogs),
  };
});

for (const [file, content] of Object.entries(files)) {
  const code = writeGeneratedFile(file, content, {
    check,
    command: "npm run generate",
  });
  if (code !== 0) process.exitCode = code;
}

/** Roles that are told the same of a table send the same; each text once. */
function printOperations(catalogs: readonly Catalog[]): string {
  const operations = catalogs.flatMap((catalog) =>
    listOperations(adoptCatalog(catalog, () => false).schemas),
  );
  const texts = new Map(
    operations.map(({ operationName, query }) => [query, operationName]),
  );
  return [...texts]
    .sort(([a, nameOfA], [b, nameOfB]) =>
      nameOfA === nameOfB ? compare(a, b) : compare(nameOfA, nameOfB),
    )
    .map(([query]) => `${print(parse(query))}\n`)
    .join("\n");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
