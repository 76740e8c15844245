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

const INT32_MAX = 2_147_483_647;

/** A whole number that SQL can take as an integer; its range is SQL's to judge. */
export function readInteger(
  body: Record<string, unknown>,
  field: string,
): number {
  const value = readPresent(body, field);
  if (
    typeof value !== "number" ||
    !Number.isInteger(value) ||
    Math.abs(value) > INT32_MAX
  ) {
    throw new AppError("INVAL", `The field ${field} must be a whole number`, {
      field,
    });
  }
  return value;
}

export function readOptionalInteger(
  body: Record<string, unknown>,
  field: string,
): number | null {
  return body[field] == null ? null : readInteger(body, field);
}

export function readNumber(
  body: Record<string, unknown>,
  field: string,
): number {
  const value = readPresent(body, field);
  if (typeof value !== "number") {
    throw new AppError("INVAL", `The field ${field} must be a number`, {
      field,
    });
  }
  return value;
}

export function readOptionalBoolean(
  body: Record<string, unknown>,
  field: string,
): boolean | null {
  const value = body[field] ?? null;
  if (value !== null && typeof value !== "boolean") {
    throw new AppError("INVAL", `The field ${field} must be true or false`, {
      field,
    });
  }
  return value;
}

/** A misspelt field would otherwise be a default nobody asked for. */
export function refuseOtherFields(
  body: Record<string, unknown>,
  known: readonly string[],
): void {
  const field = Object.keys(body).find((name) => !known.includes(name));
  if (field === undefined) return;
  throw new AppError("INVAL", "There is no such field", {
    // The name is the sender's: it is repeated, but not at any length.
    field: field.slice(0, 40),
    hint: `Send ${known.join(", ")}`,
  });
}

function readPresent(body: Record<string, unknown>, field: string): unknown {
  const value = body[field];
  if (value === undefined || value === null) {
    throw new AppError("INVAL", `The field ${field} is missing`, { field });
  }
  return value;
}
