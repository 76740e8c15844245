import { errorMessage } from "../db/errorCode.ts";
import { isDatabaseError, toPublicError } from "../errors.ts";

const LONGEST = 300;

/**
 * Why a task failed, for staff: a sentence without SQL, without the places of
 * our files, and without addresses of people.
 */
export function describeFailure(error: unknown): string {
  const known = toPublicError(error);
  if (known.code !== "FAULT") return known.message;
  if (isDatabaseError(error)) {
    return `The database refused a statement (${error.code}); the log says which.`;
  }
  const [line = ""] = errorMessage(error).trim().split("\n", 1);
  const text = line
    .replace(/\b(postgres(?:ql)?|https?|smtps?|file):\/\/\S+/gi, "…")
    .replace(/[^\s@"'<>]+@[^\s@"'<>]+/g, "…@…")
    .replace(/(?<![\w.])(?:[A-Za-z]:\\|\.{0,2}\/)[^\s'",;)]+/g, "…");
  if (text === "") return "It failed without saying why.";
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}
