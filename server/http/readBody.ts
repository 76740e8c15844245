import { AppError } from "../errors.ts";

/** A JSON object, as a body must be. */
export function readObject(body: unknown): Record<string, unknown> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw new AppError("BADRQ", "The body must be a JSON object");
  }
  return body as Record<string, unknown>;
}

/** A text that must be there. */
export function readText(
  body: Record<string, unknown>,
  field: string,
  maxLength = 1_000,
): string {
  const value = body[field];
  if (typeof value !== "string" || value.length === 0) {
    throw new AppError("INVAL", `The field ${field} is missing`, { field });
  }
  if (value.length > maxLength || value.includes("\0")) {
    throw new AppError(
      "INVAL",
      `The field ${field} is too long or unreadable`,
      {
        field,
      },
    );
  }
  return value;
}

/** A text that may be left out. */
export function readOptionalText(
  body: Record<string, unknown>,
  field: string,
  maxLength = 1_000,
): string | null {
  const value = body[field];
  return value === undefined || value === null || value === ""
    ? null
    : readText(body, field, maxLength);
}
