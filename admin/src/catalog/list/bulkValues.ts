import type { CatalogField } from "../types.ts";

/**
 * What a bulk edit writes: exactly the chosen fields. One left empty becomes
 * null, because choosing a field and saying nothing means to empty it.
 */
export function bulkValues(
  fields: readonly CatalogField[],
  values: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  return Object.fromEntries(
    fields.flatMap((field) => {
      const given = values[field.name];
      const own: [string, unknown] = [
        field.name,
        given === undefined || given === ""
          ? field.array
            ? []
            : field.kind === "boolean" && !field.nullable
              ? false
              : null
          : given,
      ];
      const currency = field.widget?.options["currency"];
      return currency === undefined
        ? [own]
        : [own, [currency, values[currency] ?? null] as [string, unknown]];
    }),
  );
}
