import { errorCode } from "../db/errorCode.ts";

/**
 * Whether the database refused an event for what it is, so that trying again is
 * of no use: INVAL is the function's own word; class 22 is data that jsonb cannot
 * hold, and 54 a limit, e.g. of nesting.
 */
export function isFaultOfTheText(error: unknown): boolean {
  const code = errorCode(error) ?? "";
  return code === "INVAL" || code.startsWith("22") || code.startsWith("54");
}
