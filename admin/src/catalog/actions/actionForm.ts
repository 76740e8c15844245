import type { CatalogAction, CatalogField } from "../types.ts";

/** An argument of a function, as a form asks for a column. */
export const argumentField = (
  argument: CatalogAction["arguments"][number],
): CatalogField => ({
  name: argument.name,
  column: argument.name,
  label: argument.label,
  help: null,
  pgType: "",
  kind: argument.kind,
  array: argument.array,
  nullable: !argument.required,
  hasDefault: !argument.required,
  generated: false,
  maxLength: null,
  values: argument.values,
  reference: null,
  widget: null,
  order: 0,
  hidden: false,
  read: false,
  create: true,
  update: false,
  filter: false,
  sort: false,
  group: false,
  required: argument.required,
});

/** What the mutation is given: the row or rows, then what the form holds. */
export function actionInput(
  action: CatalogAction,
  ids: readonly (string | number)[],
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const input: Record<string, unknown> = {
    [action.key]: action.on === "selection" ? [...ids] : ids[0],
  };
  for (const { name } of action.arguments) {
    const value = values[name];
    if (value !== undefined && value !== null && value !== "") {
      input[name] = value;
    }
  }
  return input;
}

/** What a refusal says of single arguments; undefined where it names none. */
export const errorsByField = (
  error: unknown,
): Record<string, unknown> | undefined =>
  (error as { body?: { errors?: Record<string, unknown> } } | null)?.body
    ?.errors;
