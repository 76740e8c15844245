import { join, relative, resolve } from "node:path";

import { Command, Option } from "commander";

import { projectDir } from "../config.ts";
import { migrationsFolder } from "../db/watch.ts";
import {
  type Scaffold,
  ScaffoldError,
  scaffoldTable,
  type Tenant,
  TENANTS,
} from "../dev/scaffoldTable.ts";

type TableOptions = { tenant: Tenant; migrations?: string; tests?: string };

const program = new Command()
  .name("new")
  .description("Writes the files that something new begins with.")
  // npm keeps what stands before the dashes for itself.
  .showHelpAfterError(
    "Options come after a double dash: npm run new table looks -- --tenant user",
  );

program
  .command("table")
  .argument("<name>", "a plural, as SQL spells it: looks, season_drops")
  .description(
    "A table of the API: appends it to migrations/current.sql, closed and opened by a\n" +
      "policy file of its own, with a test of who may do what.",
  )
  .addOption(
    new Option(
      "--tenant <whose>",
      "whose rows they are: of a brand, of a person, or a lookup of all",
    )
      .choices(TENANTS)
      .default("brand"),
  )
  .option("--migrations <folder>", "another folder than migrations/")
  .option("--tests <folder>", "another folder than test/policies/")
  .addHelpText(
    "after",
    "\nOptions come after a double dash:\n  npm run new table looks -- --tenant user",
  )
  .action(async (name: string, options: TableOptions) => {
    const files = await scaffoldTable({
      name,
      tenant: options.tenant,
      migrationsFolder: migrationsFolder(
        options.migrations && resolve(options.migrations),
      ),
      testsFolder: resolve(
        options.tests ?? join(projectDir, "test", "policies"),
      ),
    });
    console.log(describe(name, options.tenant, files));
  });

/** What was written, and what only a person can do. */
function describe(name: string, tenant: Tenant, files: Scaffold): string {
  const path = (file: string) => relative(process.cwd(), file);
  const steps = [
    `Write its columns into ${path(files.current)}; grant each of them in ${path(files.policies)}, or nobody can set it.`,
    "Save with npm run dev running: the API and the admin have it within a second.",
    `Run its test: npm test -- ${path(files.test)}`,
    ...(tenant === "none"
      ? [
          "Name it among the LOOKUPS of test/policies/lints.ts: all may read it.",
        ]
      : []),
    `Add a subject ${name} to test/policies/subjects.ts, and who may do what with it to test/policies/matrix.ts.`,
    "npm run generate, and read what data/ says that changed.",
    `npm run db:commit -- -m "${name.replaceAll("_", " ")}" seals it.`,
  ];
  return [
    `Appended to ${path(files.current)}`,
    `Written     ${path(files.policies)}`,
    `Written     ${path(files.test)}`,
    "",
    "Next:",
    ...steps.map((step, index) => `  ${index + 1}. ${step}`),
  ].join("\n");
}

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof ScaffoldError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
