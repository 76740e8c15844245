import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { projectDir } from "../config.ts";

/**
 * Writes a generated file that is committed, or, to check, says whether it is
 * still what would be generated. Answers the exit code of the command.
 */
export function writeGeneratedFile(
  path: string,
  content: string,
  options: { check: boolean; command: string },
): number {
  const file = join(projectDir, path);
  const current = existsSync(file) ? readFileSync(file, "utf8") : null;
  if (options.check) {
    if (current === content) {
      console.log(`${path} is up to date`);
      return 0;
    }
    console.error(
      `${path} is not what the migrations give${firstDifference(current ?? "", content)}\nRun: ${options.command}`,
    );
    return 1;
  }
  if (current === content) {
    console.log(`${path} is unchanged`);
    return 0;
  }
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  console.log(`${path} written`);
  return 0;
}

/** The first line that differs, so that a failed check explains itself. */
function firstDifference(before: string, after: string): string {
  const old = before.split("\n");
  const lines = after.split("\n");
  const length = Math.max(old.length, lines.length);
  for (let at = 0; at < length; at++) {
    if (old[at] === lines[at]) continue;
    return `, first at line ${at + 1}:\n- ${old[at] ?? "(end of file)"}\n+ ${lines[at] ?? "(end of file)"}`;
  }
  return "";
}
