import type { Session } from "../../session.ts";
import type { AdminCatalog, AdminResource } from "../adopt.ts";
import type { CatalogField } from "../types.ts";

export type ParsedJson =
  { ok: true; value: unknown } | { ok: false; fault: string };

/** Text of a JSON editor → its value; empty text is no value. */
export function parseJson(text: string): ParsedJson {
  if (text.trim() === "") return { ok: true, value: null };
  try {
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    return { ok: false, fault: error instanceof Error ? error.message : "" };
  }
}

/** The columns that say whose a new row is; the session knows them. */
export function ownerValues(
  catalog: AdminCatalog,
  resource: AdminResource,
  session: Pick<Session, "brand" | "user">,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const field of resource.fields) {
    if (!field.create) continue;
    const target = catalog.byName.get(field.reference?.resource ?? "")?.table;
    if (
      field.name === "brandId" &&
      (target === undefined || target === "brand_accounts") &&
      session.brand !== null
    ) {
      values[field.name] = session.brand.id;
    }
    if (
      field.name === "userId" &&
      (target === undefined || target === "users") &&
      session.user !== null &&
      // Staff write rows of other people.
      target !== undefined &&
      !catalog.role.includes("staff")
    ) {
      values[field.name] = session.user.id;
    }
  }
  return values;
}

/** What a form asks for, in the catalogue's order. */
export function formFields(
  resource: AdminResource,
  verb: "create" | "update",
  filled: Readonly<Record<string, unknown>> = {},
): CatalogField[] {
  const companions = new Set(
    resource.fields.flatMap(({ widget }) =>
      widget?.name === "money" && widget.options["currency"] !== undefined
        ? [widget.options["currency"]]
        : [],
    ),
  );
  return resource.fields.filter(
    (field) =>
      field[verb] &&
      !field.generated &&
      field.name !== resource.schema.version &&
      !companions.has(field.name) &&
      !Object.hasOwn(filled, field.name) &&
      // A key made by the database is nobody's to type.
      !(
        field.kind === "uuid" &&
        field.reference === null &&
        resource.schema.primaryKey.includes(field.name) &&
        field.hasDefault
      ) &&
      (!field.hidden || field.required),
  );
}

/** A text too long for one line by its nature. */
export const isLongText = (field: CatalogField): boolean =>
  field.kind === "string" &&
  !field.array &&
  (field.widget?.name === "markdown" ||
    (field.maxLength ?? 0) > 300 ||
    /(^|_)(description|body|notes?|comment|text|reason)$/.test(field.column));

/** Fields that take the whole width of a form or a page. */
export const isWide = (field: CatalogField): boolean =>
  isLongText(field) ||
  field.kind === "json" ||
  field.widget?.name === "image" ||
  // Beside its currency; one that is always in the same stands alone.
  (field.widget?.name === "money" &&
    field.widget.options["currency"] !== undefined) ||
  field.array;
