import { Command } from "commander";
import { parse, print } from "postgraphile/graphql";
import { listOperations } from "ra-data-postgraphile";

import { resources } from "../../admin/src/resources.ts";
import { writeGeneratedFile } from "./generatedFile.ts";

const FILE = "data/operations.graphql";

const program = new Command()
  .name("exportOperations")
  .description(
    `Writes ${FILE}: every operation the admin's data provider sends by itself,\n` +
      "as its resources describe them. A test keeps them within the limits.",
  )
  .option("--check", "write nothing; exit 1 when the file is out of date")
  .parse();

const { check } = program.opts<{ check?: boolean }>();
process.exitCode = writeGeneratedFile(
  FILE,
  listOperations(resources)
    .map(({ query }) => `${print(parse(query))}\n`)
    .join("\n"),
  { check: check === true, command: "npm run generate" },
);
