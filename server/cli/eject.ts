import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";

import { Command } from "commander";
import { format } from "prettier";

import { resourceOf } from "../../admin/src/pageFolders.ts";
import { pageNames } from "../../admin/src/pageNames.ts";
import { projectDir } from "../config.ts";
import { ejectPages } from "../eject/ejectPages.ts";
import { fullestResource, resourceNames } from "../eject/fullestResource.ts";
import { readMigratedSchema } from "./migratedSchema.ts";
import { withMigratedDatabase } from "./withMigratedDatabase.ts";

const program = new Command()
  .name("eject")
  .description(
    "Writes the generated pages of a resource as source, to start from. The folder\n" +
      "takes the place of the generated pages; delete it to have those back.",
  )
  .argument(
    "<resource>",
    "a table as SQL spells it: looks, wardrobe_categories",
  )
  .option(
    "--to <folder>",
    "where the pages live",
    join(projectDir, "admin/src"),
  )
  .addHelpText(
    "after",
    "\nThe table is read from the migrations of this checkout; no server has to run.",
  )
  .parse();

const [name = ""] = program.args;
const place = resolve(program.opts<{ to: string }>().to);
/** Where its pages are, or would be: some folders have names of their own. */
const folder = [
  name,
  pageNames[name] ?? name,
  ...Object.keys(resourceOf).filter((called) => resourceOf[called] === name),
]
  .map((called) => join(place, called))
  .reduce((first, other) => (existsSync(other) ? other : first));
const path = (file: string) => relative(process.cwd(), file);

if (!/^[a-z][a-z0-9_]*$/.test(name)) {
  fail(`"${name}" is not the name of a table.`);
} else if (existsSync(folder)) {
  fail(
    `${path(folder)} holds pages of ${name} already. Nothing was written: delete it first if you want it new.`,
  );
} else {
  await eject();
}

function fail(message: string): void {
  console.error(message);
  process.exitCode = 1;
}

async function eject(): Promise<void> {
  const { catalogs } = await withMigratedDatabase((database) =>
    readMigratedSchema(database, "eject"),
  );
  const resource = fullestResource(catalogs, name);
  if (resource === null) {
    fail(
      `There is no table "${name}" in the API. There are: ${resourceNames(catalogs).join(", ")}.`,
    );
    return;
  }
  await mkdir(folder, { recursive: true });
  for (const [file, source] of Object.entries(ejectPages(resource))) {
    const target = join(folder, file);
    await writeFile(target, await format(source, { filepath: target }));
    console.log(`  ${path(target)}`);
  }
  console.log(
    `\nThe admin shows these pages for "${resource.label}" from its next build on; npm run dev does at once.`,
  );
}
