import { invalidValue } from "./errors.ts";
import type { FieldSchema, ScalarKind } from "./types.ts";

const integer = /^[+-]?\d+$/;
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const uuid = /^[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}$/i;

export const isUuid = (value: unknown): boolean =>
  typeof value === "string" && uuid.test(value);

const text = (value: unknown): string => String(value).trim();

const date = (value: Date, field: string): string => {
  if (Number.isNaN(value.getTime())) {
    throw invalidValue(field, "This is not a date.");
  }
  return value.toISOString();
};

const sendScalar = (
  kind: ScalarKind,
  value: unknown,
  field: string,
): unknown => {
  if (value === null || value === undefined) return null;
  switch (kind) {
    case "int":
      if (!integer.test(text(value))) {
        throw invalidValue(field, "This must be a whole number.");
      }
      return Number(value);
    case "float":
      if (!decimal.test(text(value))) {
        throw invalidValue(field, "This must be a number.");
      }
      return Number(value);
    case "bigint":
      if (!integer.test(text(value))) {
        throw invalidValue(field, "This must be a whole number.");
      }
      return text(value);
    case "numeric":
      if (!decimal.test(text(value))) {
        throw invalidValue(field, "This must be a number.");
      }
      return text(value);
    case "boolean":
      if (value === true || value === "true") return true;
      if (value === false || value === "false") return false;
      throw invalidValue(field, "This must be yes or no.");
    case "datetime":
      return value instanceof Date ? date(value, field) : String(value);
    case "date":
      return value instanceof Date
        ? date(value, field).slice(0, 10)
        : String(value);
    case "json":
      return value;
    case "string":
    case "time":
    case "uuid":
    case "enum":
      return String(value);
  }
};

/** A form's value as the API wants it; a list for array fields. */
export const sendValue = (
  field: Pick<FieldSchema, "kind" | "array">,
  value: unknown,
  name: string,
): unknown => {
  if (!field.array) return sendScalar(field.kind, value, name);
  if (value === null || value === undefined) return null;
  if (!Array.isArray(value)) {
    throw invalidValue(name, "This must be a list.");
  }
  return value.map((item) => sendScalar(field.kind, item, name));
};

const largestExact = Number.MAX_SAFE_INTEGER;

const readScalar = (kind: ScalarKind, value: unknown): unknown => {
  if (typeof value !== "string") return value;
  if (kind === "bigint") {
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }
  if (kind === "numeric" || kind === "float") {
    const number = Number(value);
    return Number.isFinite(number) && Math.abs(number) <= largestExact
      ? number
      : value;
  }
  return value;
};

/**
 * The one place where a string that is a number becomes one. Beyond
 * Number.MAX_SAFE_INTEGER it stays the string the server sent; a fraction may be
 * rounded to what a number holds (an update sends it back only where it changed).
 */
export const readValue = (
  field: Pick<FieldSchema, "kind" | "array">,
  value: unknown,
): unknown =>
  field.array && Array.isArray(value)
    ? value.map((item) => readScalar(field.kind, item))
    : readScalar(field.kind, value);

const isPlain = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

export const isSameValue = (left: unknown, right: unknown): boolean => {
  if (Object.is(left, right)) return true;
  if (left instanceof Date || right instanceof Date) {
    return (
      left !== null &&
      right !== null &&
      left !== undefined &&
      right !== undefined &&
      new Date(left as Date | string).getTime() ===
        new Date(right as Date | string).getTime()
    );
  }
  if (!isPlain(left) || !isPlain(right)) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every(
      (key) => Object.hasOwn(right, key) && isSameValue(left[key], right[key]),
    )
  );
};
