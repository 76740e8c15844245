import type { MouseEvent, ReactElement } from "react";
import type { RaRecord } from "react-admin";
import { DataTable, LinkBase } from "react-admin";

import { useIsPhone } from "../../components/ListFrame.tsx";
import { PhoneList } from "../../components/PhoneList.tsx";
import type { AdminResource } from "../adopt.ts";
import { useCatalog } from "../CatalogContext.tsx";
import { representationOf, representing } from "../columns.ts";
import { FieldValue, isNumeric } from "../fields/FieldValue.tsx";
import type { CatalogField } from "../types.ts";
import { rowHeight } from "./rowHeight.ts";
import type { Density } from "./useListLayout.ts";

/** Where a click on a row leads; nowhere if the role may do neither. */
export const pageOf = (
  resource: AdminResource,
  record: RaRecord,
): string | null => {
  const id = encodeURIComponent(record.id);
  if (resource.verbs.show) return `/${resource.name}/${id}/show`;
  return resource.verbs.update ? `/${resource.name}/${id}` : null;
};

/** The first cell is a link, so that a row can be opened without a mouse. */
const FirstCell = ({
  resource,
  field,
  record,
}: {
  resource: AdminResource;
  field: CatalogField;
  record: RaRecord;
}) => {
  const to = pageOf(resource, record);
  const value = (
    <FieldValue resource={resource} field={field} record={record} />
  );
  if (to === null || field.reference !== null) return value;
  return (
    <LinkBase
      to={to}
      onClick={(event: MouseEvent) => event.stopPropagation()}
      style={{ color: "inherit", textDecoration: "none", fontWeight: 600 }}
    >
      {value}
    </LinkBase>
  );
};

export const PhoneRows = ({
  resource,
  columns,
}: {
  resource: AdminResource;
  columns: readonly CatalogField[];
}) => {
  const catalog = useCatalog();
  const picture = columns.find(({ widget }) => widget?.name === "image");
  const status = columns.find(
    ({ widget, kind }) => widget?.name === "status" || kind === "boolean",
  );
  const said = representing(resource);
  const rest = columns.filter(
    (field) =>
      field !== picture &&
      field !== status &&
      field.kind !== "json" &&
      field.widget?.name !== "image" &&
      !said.includes(field.name),
  );
  const isLinked = resource.verbs.show || resource.verbs.update;
  // Two amounts side by side do not say which is which.
  const isOneOfSeveral = (field: CatalogField) =>
    rest.filter(({ widget }) => widget?.name === field.widget?.name).length > 1;
  return (
    <PhoneList
      {...(isLinked
        ? { to: (record: RaRecord) => pageOf(resource, record) ?? "" }
        : {})}
      {...(picture
        ? {
            picture: (record: RaRecord) => (
              <FieldValue resource={resource} field={picture} record={record} />
            ),
          }
        : {})}
      primary={(record) => representationOf(catalog, resource, record)}
      secondary={(record) =>
        rest
          .filter(({ name }) => record[name] !== null && record[name] !== "")
          .slice(0, 3)
          .map((field, index) => (
            <span key={field.name}>
              {index > 0 && " · "}
              {/* Without its heading a bare number says nothing. */}
              {isNumeric(field) &&
                (field.widget === null || isOneOfSeveral(field)) &&
                `${field.label} `}
              {/* The whole card is one link, so a reference is only its name. */}
              {field.reference === null || field.reference.relation === null ? (
                <FieldValue
                  resource={resource}
                  field={field}
                  record={record}
                  room="page"
                />
              ) : (
                referenceName(catalog, field, record)
              )}
            </span>
          ))
      }
      {...(status
        ? {
            aside: (record: RaRecord) => (
              <FieldValue resource={resource} field={status} record={record} />
            ),
          }
        : {})}
    />
  );
};

const referenceName = (
  catalog: ReturnType<typeof useCatalog>,
  field: CatalogField,
  record: RaRecord,
): string => {
  const target = catalog.byName.get(field.reference?.resource ?? "");
  const nested = record[field.reference?.relation ?? ""] as RaRecord | null;
  return target && nested ? representationOf(catalog, target, nested) : "";
};

/** The rows of a list: a table, and on a phone a list of cards. */
export const CatalogTable = ({
  resource,
  columns,
  density = "comfortable",
  bulkActions = false,
}: {
  resource: AdminResource;
  columns: readonly CatalogField[];
  density?: Density;
  bulkActions?: ReactElement | false;
}) => {
  const isPhone = useIsPhone();
  if (isPhone) return <PhoneRows resource={resource} columns={columns} />;
  return (
    <DataTable<RaRecord>
      rowClick={(_id, _resource, record) => pageOf(resource, record) ?? false}
      bulkActionButtons={bulkActions}
      sx={rowHeight(density)}
    >
      {columns.map((field, index) => (
        <DataTable.Col<RaRecord>
          key={field.name}
          source={field.name}
          label={field.label}
          disableSort={!field.sort}
          {...(isNumeric(field) ? { align: "right" as const } : {})}
          render={(record) =>
            index === 0 ? (
              <FirstCell resource={resource} field={field} record={record} />
            ) : (
              <FieldValue resource={resource} field={field} record={record} />
            )
          }
        />
      ))}
    </DataTable>
  );
};
