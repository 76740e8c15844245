import type { Catalog, CatalogResource, ScalarKind } from "../catalog/types.ts";
import { AppError } from "../errors.ts";

export const EXPORT_FORMATS = ["csv", "ndjson", "xlsx"] as const;

export type ExportFormat = (typeof EXPORT_FORMATS)[number];

export type ExportColumn = {
  path: readonly string[];
  label: string;
  kind: ScalarKind;
  array: boolean;
};

export type ExportRequest = {
  resource: CatalogResource;
  columns: readonly ExportColumn[];
  /** A GraphQL filter of the resource, as the list sends it; checked by the API's own types. */
  filter: Record<string, unknown> | null;
  /** Values of the resource's order-by enum; none means by primary key. */
  orderBy: readonly string[];
  format: ExportFormat;
};

const MOST_COLUMNS = 100;

/** Reads what a caller asked for against what the caller's role may list. */
export function parseExportRequest(
  body: unknown,
  catalog: Catalog,
): ExportRequest {
  if (!isObject(body)) {
    throw new AppError("INVAL", "An export is asked for with a JSON object", {
      hint: 'Send {"resource": …, "columns": […], "format": "csv"}',
    });
  }
  const resource = catalog.resources.find(
    ({ name, verbs }) => name === body["resource"] && verbs.list,
  );
  if (resource === undefined) {
    throw new AppError("NTFND", "There is no such list", {
      field: "resource",
      hint: "Name a resource of /catalog.json",
    });
  }
  const format = EXPORT_FORMATS.find((known) => known === body["format"]);
  if (format === undefined) {
    throw new AppError("INVAL", "There is no such file format", {
      field: "format",
      hint: `Use ${EXPORT_FORMATS.join(", ")}`,
    });
  }
  const filter = body["filter"] ?? null;
  if (filter !== null && !isObject(filter)) {
    throw new AppError("INVAL", "A filter is an object", { field: "filter" });
  }
  // {} and null both mean all rows; the API itself takes neither.
  const isOpen = filter === null || Object.keys(filter).length === 0;
  const orderBy = body["orderBy"] ?? [];
  if (!isTexts(orderBy) || orderBy.length > 5) {
    throw new AppError("INVAL", "At most five sort orders, as texts", {
      field: "orderBy",
    });
  }
  return {
    resource,
    columns: readColumns(body["columns"], resource, catalog),
    filter: isOpen ? null : filter,
    orderBy,
    format,
  };
}

function readColumns(
  asked: unknown,
  resource: CatalogResource,
  catalog: Catalog,
): ExportColumn[] {
  // Links to pictures are among the columns of the schema: good for an hour or two,
  // they are nothing to keep in a file.
  const paths =
    asked === undefined || asked === null
      ? resource.schema.columns.filter((column) =>
          resource.fields.some(({ name }) => name === column),
        )
      : asked;
  if (
    !isTexts(paths) ||
    paths.length === 0 ||
    paths.length > MOST_COLUMNS ||
    new Set(paths).size !== paths.length
  ) {
    throw new AppError("INVAL", `Name 1 to ${MOST_COLUMNS} different columns`, {
      field: "columns",
    });
  }
  return paths.map((path) => {
    const [head = "", tail, ...rest] = path.split(".");
    const own = resource.fields.find(({ name }) => name === head);
    if (own && tail === undefined) {
      const { label, kind, array } = own;
      return { path: [head], label, kind, array };
    }
    const relation = Object.hasOwn(resource.schema.relations, head)
      ? resource.schema.relations[head]
      : undefined;
    const far = catalog.resources
      .find(({ name }) => name === relation?.resource)
      ?.fields.find(({ name }) => name === tail);
    if (tail === undefined || far === undefined || rest.length > 0) {
      throw new AppError(
        "INVAL",
        `${resource.label} has no column ${path.slice(0, 100)}`,
        { field: "columns", hint: "Name fields of /catalog.json" },
      );
    }
    const by = resource.fields.find(
      ({ reference }) => reference?.relation === head,
    );
    return {
      path: [head, tail],
      label: `${by?.label ?? head} ${far.label}`,
      kind: far.kind,
      array: far.array,
    };
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTexts(value: unknown): value is string[] {
  return (
    Array.isArray(value) && value.every((item) => typeof item === "string")
  );
}
