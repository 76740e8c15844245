import { constants, type Stats } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** A file to read, or a sentence that says where it was looked for. */
export async function findFile(path: string): Promise<Stats> {
  const found = await stat(path).catch(() => null);
  if (found?.isFile() === true) return found;
  // In full: npm runs scripts in the project's folder, wherever a person is.
  throw new Error(
    found?.isDirectory() === true
      ? `${resolve(path)} is a folder. Name a file in it.`
      : `There is no file ${resolve(path)}`,
  );
}

/** Before the work, so that it is not for nothing: whether a file can be written. */
export async function assertWritable(
  path: string,
  option: string,
): Promise<void> {
  const folder = dirname(resolve(path));
  const [target, place] = await Promise.all([
    stat(path).catch(() => null),
    stat(folder).catch(() => null),
  ]);
  if (target?.isDirectory() === true) {
    throw new Error(`${option} ${path}: this is a folder. Name a file in it.`);
  }
  if (place?.isDirectory() !== true) {
    throw new Error(
      `${option} ${path}: there is no folder ${folder}. Nothing was done.`,
    );
  }
  try {
    await access(target === null ? folder : path, constants.W_OK);
  } catch {
    throw new Error(
      `${option} ${path}: you may not write there. Nothing was done.`,
    );
  }
}
