import type { CatalogField, CatalogResource } from "../catalog/types.ts";
import { type EjectedInputs, ejectInputs } from "./ejectInputs.ts";
import { attribute, componentName, literal } from "./names.ts";

/** File name → source, not formatted yet. */
export type EjectedFiles = Record<string, string>;

const BOOKKEEPING = new Set(["created_at", "updated_at", "deleted_at"]);

/**
 * The generated pages of a resource as source: the same page, each column and
 * input named, from the parts the generated pages are made of.
 */
export function ejectPages(resource: CatalogResource): EjectedFiles {
  const name = componentName(resource.schema.type);
  const inputs = ejectInputs(resource, name);
  const { verbs } = resource;
  return {
    "index.ts": indexFile(resource, name),
    [`${name}List.tsx`]: listFile(resource, name),
    ...(verbs.show ? { [`${name}Show.tsx`]: showFile(resource, name) } : {}),
    ...(verbs.update || verbs.create
      ? { [`${name}Inputs.tsx`]: inputs.source }
      : {}),
    ...(verbs.update ? { [`${name}Edit.tsx`]: editFile(resource, name) } : {}),
    ...(verbs.create
      ? { [`${name}Create.tsx`]: createFile(resource, name, inputs) }
      : {}),
  };
}

function indexFile(resource: CatalogResource, name: string): string {
  const { verbs } = resource;
  const pages = [
    ["list", "List", verbs.list],
    ["show", "Show", verbs.show],
    ["edit", "Edit", verbs.update],
    ["create", "Create", verbs.create],
  ] as const;
  return `
import { iconNamed } from "../catalog/icons.ts";
import { lazyPage } from "../components/lazyPage.ts";

export default {
${pages
  .filter(([, , has]) => has)
  .map(
    ([key, suffix]) =>
      `  ${key}: lazyPage(() => import("./${name}${suffix}.tsx"), "${name}${suffix}"),`,
  )
  .join("\n")}
  icon: iconNamed(${resource.icon === null ? "null" : literal(resource.icon)}),
  options: { label: ${literal(resource.label)} },
${
  resource.schema.fields[resource.represent] === undefined
    ? ""
    : `  recordRepresentation: ${literal(resource.represent)},\n`
}};
`;
}

const isNumeric = (field: CatalogField) =>
  !field.array &&
  field.reference === null &&
  ["int", "float", "bigint", "numeric"].includes(field.kind);

function listFile(resource: CatalogResource, name: string): string {
  const companions = new Set(
    resource.fields.flatMap(({ widget }) =>
      widget?.name === "money" ? [widget.options["currency"] ?? ""] : [],
    ),
  );
  const columns = resource.list.flatMap((column) => {
    const field = resource.fields.find((one) => one.name === column);
    return field === undefined || companions.has(column) ? [] : [field];
  });
  const cells = columns.map((field, index) => {
    const value =
      index === 0 && field.reference === null ? "LinkedValue" : "Value";
    const props = [
      `source="${field.name}"`,
      attribute("label", field.label),
      ...(field.sort ? [] : ["disableSort"]),
      ...(isNumeric(field) ? ['align="right"'] : []),
      `render={() => <${value} source="${field.name}" />}`,
    ];
    return `<DataTable.Col ${props.join(" ")} />`;
  });
  const isLinked = columns[0]?.reference === null;
  const others = columns.length > (isLinked ? 1 : 0);
  return `
import { DataTable } from "react-admin";

import { useCatalogResource } from "../catalog/CatalogContext.tsx";
import { CatalogList, CatalogToolbar } from "../catalog/GeneratedList.tsx";
import { ChosenTable } from "../catalog/list/ChosenTable.tsx";
import { useListLayout } from "../catalog/list/useListLayout.ts";
import { ${isLinked ? "LinkedValue, " : ""}TableOrCards${others ? ", Value" : ""} } from "../catalog/Value.tsx";

/** The columns before anybody chose others, in their order. */
const shown = [${columns.map((field) => literal(field.name)).join(", ")}];

export const ${name}List = () => {
  const resource = useCatalogResource();
  const { columns, density } = useListLayout(resource, shown);
  return (
    <CatalogList
      columns={columns}
      toolbar={<CatalogToolbar resource={resource} columns={shown} />}
    >
      <TableOrCards columns={columns}>
        <ChosenTable columns={columns} density={density} rowClick="${resource.verbs.show ? "show" : "edit"}">
          ${cells.join("\n          ")}
        </ChosenTable>
      </TableOrCards>
    </CatalogList>
  );
};
`;
}

function showFile(resource: CatalogResource, name: string): string {
  const companions = new Set(
    resource.fields.flatMap(({ widget }) =>
      widget?.name === "money" ? [widget.options["currency"] ?? ""] : [],
    ),
  );
  const shown = resource.fields.filter(
    (field) =>
      field.read &&
      !field.hidden &&
      !companions.has(field.name) &&
      !BOOKKEEPING.has(field.column) &&
      !(
        field.kind === "uuid" &&
        field.reference === null &&
        resource.schema.primaryKey.includes(field.name)
      ),
  );
  const papers = resource.fields.filter(({ column }) =>
    BOOKKEEPING.has(column),
  );
  const isWide = (field: CatalogField) =>
    field.array ||
    field.kind === "json" ||
    field.widget?.name === "markdown" ||
    field.widget?.name === "image";
  const fact = (field: CatalogField) =>
    `<Fact source="${field.name}" ${attribute("label", field.label)} ${isWide(field) ? "wide" : ""} />`;
  return `
import { ShowBase } from "react-admin";

import { useCatalogResource } from "../catalog/CatalogContext.tsx";
import { RecordTitle, useEditColumns } from "../catalog/GeneratedEdit.tsx";
import { ShowActions, ShowTabs } from "../catalog/GeneratedShow.tsx";
import { Fact, FactGrid } from "../catalog/Value.tsx";

const ${name}Details = () => (
  <FactGrid>
    ${[...shown, ...papers].map(fact).join("\n    ")}
  </FactGrid>
);

export const ${name}Show = () => {
  const resource = useCatalogResource();
  const columns = useEditColumns(resource);
  return (
    <ShowBase queryOptions={{ meta: { columns } }}>
      <RecordTitle resource={resource} />
      <ShowActions resource={resource} />
      <ShowTabs resource={resource} details={<${name}Details />} />
    </ShowBase>
  );
};
`;
}

function editFile(resource: CatalogResource, name: string): string {
  return `
import { SimpleForm } from "react-admin";

import { EditActions } from "../catalog/actions/RowActions.tsx";
import { useCatalogResource } from "../catalog/CatalogContext.tsx";
import { RecordTitle, useEditColumns } from "../catalog/GeneratedEdit.tsx";
import { FormToolbar } from "../components/FormToolbar.tsx";
import { RecordEdit } from "../components/RecordEdit.tsx";
import { ${name}Inputs } from "./${name}Inputs.tsx";

export const ${name}Edit = () => {
  const resource = useCatalogResource();
  const columns = useEditColumns(resource);
  return (
    <RecordEdit
      title={<></>}
      redirect="${resource.verbs.show ? "show" : "list"}"
      queryOptions={{ meta: { columns } }}
    >
      <RecordTitle resource={resource} />
      <EditActions resource={resource} />
      <SimpleForm
        toolbar={<FormToolbar deletable={resource.verbs.delete} />}
        warnWhenUnsavedChanges
        sanitizeEmptyValues={false}
      >
        <${name}Inputs verb="update" />
      </SimpleForm>
    </RecordEdit>
  );
};
`;
}

function createFile(
  resource: CatalogResource,
  name: string,
  inputs: EjectedInputs,
): string {
  const { owner } = inputs;
  const session = owner.length > 0;
  return `
import { Create, SimpleForm } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
${session ? 'import { useSession } from "../useSession.ts";\n' : ""}import { ${name}Inputs } from "./${name}Inputs.tsx";

export const ${name}Create = () => ${
    session
      ? `{
  const { session } = useSession();
  return (`
      : "("
  }
    <Create
      ${attribute("title", `New ${resource.singular.toLowerCase()}`)}
      redirect="${resource.verbs.show ? "show" : "list"}"
      ${
        session
          ? `transform={(data: Record<string, unknown>) => ({
        ...data,
        ${owner.join(",\n        ")},
      })}`
          : ""
      }
    >
      <SimpleForm toolbar={<FormToolbar />} warnWhenUnsavedChanges>
        <${name}Inputs verb="create" />
      </SimpleForm>
    </Create>
  ${session ? ");\n}" : ")"};
`;
}
