import { Command } from "commander";
import { format } from "prettier";

import { withClient } from "../db/clients.ts";
import { describeAccess } from "../db/describeAccess.ts";
import { writeGeneratedFile } from "./generatedFile.ts";
import { withMigratedDatabase } from "./withMigratedDatabase.ts";

const FILE = "data/access.json";

const program = new Command()
  .name("exportAccess")
  .description(
    `Writes ${FILE}: which role may do what with which table and function, and\n` +
      "every policy, read from the catalogue of a freshly migrated database.",
  )
  .option("--check", "write nothing; exit 1 when the file is out of date")
  .parse();

const { check } = program.opts<{ check?: boolean }>();
const access = await withMigratedDatabase(({ urls }) =>
  withClient(urls.root, describeAccess),
);
process.exitCode = writeGeneratedFile(
  FILE,
  await format(JSON.stringify(access), { parser: "json" }),
  { check: check === true, command: "npm run generate" },
);
