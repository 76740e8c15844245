import type { CatalogField, CatalogResource } from "../catalog/types.ts";
import { attribute, literal } from "./names.ts";

export type EjectedInputs = {
  source: string;
  /** The columns the session fills in, as properties of an object. */
  owner: string[];
};

type Verb = "create" | "update";

const isLong = (field: CatalogField) =>
  field.widget?.name === "markdown" ||
  (field.maxLength ?? 0) > 300 ||
  /(^|_)(description|body|notes?|comment|text|reason)$/.test(field.column);

/** Remembers which names a file has to import, and from where. */
class Imports {
  readonly #names = new Map<string, Set<string>>();

  use(name: string, from: string): string {
    const names = this.#names.get(from) ?? new Set<string>();
    names.add(name);
    this.#names.set(from, names);
    return name;
  }

  print(): string {
    return [...this.#names]
      .sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1))
      .map(
        ([from, names], index, all) =>
          `${index > 0 && rank(from) !== rank(all[index - 1]?.[0] ?? "") ? "\n" : ""}import { ${[...names].sort(byLetter).join(", ")} } from "${from}";`,
      )
      .join("\n");
  }
}

const rank = (from: string) => (from.startsWith(".") ? 1 : 0);

const byLetter = (a: string, b: string) =>
  a.toLowerCase() < b.toLowerCase() ? -1 : 1;

/** The form shared by create and edit, one explicit input a column. */
export function ejectInputs(
  resource: CatalogResource,
  name: string,
): EjectedInputs {
  const imports = new Imports();
  const companions = new Set(
    resource.fields.flatMap(({ widget }) =>
      widget?.name === "money" ? [widget.options["currency"] ?? ""] : [],
    ),
  );
  const owner: string[] = [];
  const fields = resource.fields.filter((field) => {
    if (!field.create && !field.update) return false;
    if (field.generated || field.name === resource.schema.version) return false;
    if (companions.has(field.name)) return false;
    if (field.create && field.reference?.resource === "brand_accounts") {
      owner.push(`${field.name}: session.brand?.id`);
      return false;
    }
    if (
      field.create &&
      field.name === "userId" &&
      field.reference?.resource === "users"
    ) {
      owner.push(`${field.name}: session.user?.id`);
      return false;
    }
    return !(
      field.kind === "uuid" &&
      field.reference === null &&
      resource.schema.primaryKey.includes(field.name) &&
      field.hasDefault
    );
  });
  const needsVerb = fields.some(
    (field) =>
      field.create !== field.update ||
      (field.kind === "boolean" && (field.hasDefault || field.nullable)),
  );
  const inputs = fields.map((field) => {
    const only: Verb | null =
      field.create && field.update ? null : field.create ? "create" : "update";
    const input = wrap(field, inputOf(field, imports), imports);
    return only === null
      ? input
      : `{verb === "${only}" && (${input.startsWith("{") ? `<>${input}</>` : input})}`;
  });
  imports.use("InputGrid", "../catalog/inputs/CatalogInputs.tsx");
  return {
    owner,
    source: `
${imports.print()}

export const ${name}Inputs = (${needsVerb ? "{ verb }" : "_props"}: { verb: "create" | "update" }) => (
  <InputGrid>
    ${inputs.join("\n    ")}
  </InputGrid>
);
`,
  };
}

function wrap(field: CatalogField, input: string, imports: Imports): string {
  const isWide =
    field.array ||
    field.kind === "json" ||
    field.widget?.name === "image" ||
    (field.widget?.name === "money" &&
      field.widget.options["currency"] !== undefined) ||
    (field.kind === "string" && isLong(field));
  if (!isWide) return input;
  imports.use("Wide", "../catalog/inputs/CatalogInputs.tsx");
  return `<Wide>${input}</Wide>`;
}

function inputOf(field: CatalogField, imports: Imports): string {
  const ra = (component: string) => imports.use(component, "react-admin");
  const own = (component: string) =>
    imports.use(component, `../catalog/inputs/${component}.tsx`);
  const rules = [
    ...((field.create ? field.required : !field.nullable) && !field.array
      ? [`${ra("required")}()`]
      : []),
    ...(field.maxLength !== null && !field.array
      ? [`${ra("maxLength")}(${field.maxLength})`]
      : []),
  ];
  const props = [
    `source="${field.name}"`,
    attribute("label", field.label),
    field.help === null
      ? "helperText={false}"
      : attribute("helperText", field.help),
    rules.length === 0
      ? ""
      : `validate={${rules.length === 1 ? rules[0] : `[${rules.join(", ")}]`}}`,
  ].join(" ");
  const choices =
    field.values === null
      ? ""
      : `choices={[${field.values
          .map(
            ({ value, label }) =>
              `{ id: ${literal(value)}, name: ${literal(label)} }`,
          )
          .join(", ")}]}`;
  const emptyIsNull =
    'parse={(value: string) => (value === "" ? null : value)}';

  const currency = field.widget?.options["currency"];
  if (field.widget?.name === "money" && currency !== undefined) {
    return `<${own("MoneyInput")} ${props} currencySource="${currency}" />`;
  }
  const code = field.widget?.options["currencyCode"];
  if (field.widget?.name === "money" && code !== undefined) {
    return `<${own("AmountInput")} ${props} currency="${code}" />`;
  }
  if (field.widget?.name === "percent") {
    return `<${own("PercentInput")} ${props} />`;
  }
  if (field.widget?.name === "image") {
    const url = field.widget.options["url"];
    return `<${own("ImageInput")} ${props} ${url === undefined ? "urlPath={null}" : attribute("urlPath", url)} />`;
  }
  if (field.widget?.name === "json" || field.kind === "json") {
    return `<${own("JsonInput")} ${props} />`;
  }
  if (field.array) {
    if (field.values !== null) {
      return `<${ra("SelectArrayInput")} ${props} ${choices} />`;
    }
    return field.kind === "string"
      ? `<${imports.use("TagsInput", "../components/SuggestInput.tsx")} ${props} />`
      : `<${own("JsonInput")} ${props} />`;
  }
  if (field.reference !== null) {
    return `<${own("ReferenceInput")} ${props} reference="${field.reference.resource}" />`;
  }
  switch (field.kind) {
    case "boolean": {
      const input = `<${ra("BooleanInput")} ${props} />`;
      // On a new row "not said" leaves the choice to the database.
      return field.create && (field.hasDefault || field.nullable)
        ? `{verb === "create" ? (<${ra("NullableBooleanInput")} ${props} nullLabel="catalog.by_default" />) : (${input})}`
        : input;
    }
    case "int":
    case "bigint":
      return `<${ra("NumberInput")} ${props} step={1} />`;
    case "float":
    case "numeric":
      return `<${ra("NumberInput")} ${props} step="any" />`;
    case "datetime":
      return `<${ra("DateTimeInput")} ${props} />`;
    case "date":
      return `<${ra("DateInput")} ${props} ${emptyIsNull} />`;
    case "time":
      return `<${ra("TextInput")} ${props} type="time" ${emptyIsNull} />`;
    case "enum":
      return `<${ra("SelectInput")} ${props} ${choices} ${emptyIsNull} />`;
    default:
      return isLong(field)
        ? `<${ra("TextInput")} ${props} multiline minRows={4} ${emptyIsNull} />`
        : `<${ra("TextInput")} ${props} ${emptyIsNull} />`;
  }
}
