import { errorCode, errorMessage } from "../db/errorCode.ts";
import {
  type CompiledCurrent,
  findInclude,
  type Place,
} from "./compileCurrent.ts";
import type { Statement } from "./splitStatements.ts";

/** An error of the database, as a person who wrote the SQL wants to read it. */
export type Fault = {
  message: string;
  code: string | null;
  place: Place | null;
  /** The line as it stands in the file; "" where no place is known. */
  text: string;
  /** Counts from one; null where only the line is known. */
  column: number | null;
  detail: string | null;
  hint: string | null;
  /** Where inside a function it happened. */
  context: string | null;
};

/** What PostgreSQL says of an error beside its message. */
type PgFault = Partial<
  Record<"position" | "detail" | "hint" | "where", unknown>
>;

/** A fault that was found with its place already. */
export class LocatedError extends Error {
  override name = "LocatedError";
  readonly fault: Fault;

  constructor(fault: Fault, cause: unknown) {
    super(fault.message, { cause });
    this.fault = fault;
  }
}

export function locateFault(
  error: unknown,
  compiled: CompiledCurrent,
  statement: Statement | null = null,
): Fault {
  const { position } = error as PgFault;
  const offset =
    typeof position === "string" && statement === null
      ? offsetOf(compiled.sql, Number(position))
      : (statement?.start ?? null);
  const fault =
    offset === null
      ? { ...bare(error), place: null, text: "", column: null }
      : { ...bare(error), ...placeOf(compiled, offset) };
  return { ...fault, hint: fault.hint ?? ruleOf(fault) };
}

/** The rule of this project behind an error that PostgreSQL cannot explain. */
function ruleOf({ code, message, text, column }: Fault): string | null {
  const placeholder = /^:[A-Z][A-Z0-9_]*/.exec(text.slice((column ?? 1) - 1));
  if (code === "42601" && placeholder !== null) {
    return `There is no placeholder ${placeholder[0]}; those there are stand in .gmrc.`;
  }
  // Nothing is on the search path but PostgreSQL's own.
  const short =
    (code === "42P01" && /^relation "[^".]+" does not exist/.test(message)) ||
    (code === "42704" && /^type "[^".]+" does not exist/.test(message)) ||
    (code === "42501" && message === "permission denied for schema pg_catalog");
  return short
    ? "Names are written in full: app_public.looks, not looks."
    : null;
}

/** An error from before any SQL ran, e.g. an include of a file that is not there. */
export async function locateIncludeFault(
  error: unknown,
  folder: string,
): Promise<Fault> {
  const message = errorMessage(error);
  const included = /^Include of '(.+?)' failed/.exec(message)?.[1];
  const found =
    included === undefined ? null : await findInclude(folder, included);
  return {
    ...bare(error),
    message: found === null ? message : `There is no file fixtures/${included}`,
    place: found?.place ?? null,
    text: found?.text ?? "",
    column: found === null ? null : found.text.indexOf(included ?? "") + 1,
  };
}

function bare(error: unknown): Omit<Fault, "place" | "text" | "column"> {
  const { detail, hint, where } = error as PgFault;
  const textOf = (value: unknown) => (typeof value === "string" ? value : null);
  return {
    message: errorMessage(error),
    code: errorCode(error),
    detail: textOf(detail),
    hint: textOf(hint),
    context: textOf(where),
  };
}

/** PostgreSQL counts characters from one; a string here counts UTF-16 units. */
function offsetOf(sql: string, position: number): number {
  let units = 0;
  let characters = 1;
  for (const character of sql) {
    if (characters++ === position) break;
    units += character.length;
  }
  return units;
}

function placeOf(
  { sql, source, places, fill }: CompiledCurrent,
  offset: number,
): Pick<Fault, "place" | "text" | "column"> {
  const before = sql.slice(0, offset).split("\n");
  const index = before.length - 1;
  const text = source.split("\n")[index] ?? "";
  return {
    place: places[index] ?? null,
    text,
    column: 1 + columnBefore(text, before.at(-1)?.length ?? 0, fill),
  };
}

/** A placeholder before the column has another length than what it became. */
function columnBefore(
  text: string,
  column: number,
  fill: (text: string) => string,
): number {
  for (let at = 0; at <= text.length; at++) {
    if (fill(text.slice(0, at)).length >= column) return at;
  }
  return text.length;
}
