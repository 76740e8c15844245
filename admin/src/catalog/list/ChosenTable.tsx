import type { ReactElement, ReactNode } from "react";
import { Children, isValidElement } from "react";
import type { RaRecord } from "react-admin";
import { DataTable } from "react-admin";

import { useCatalogResource } from "../CatalogContext.tsx";
import { isNumeric } from "../fields/FieldValue.tsx";
import type { CatalogField } from "../types.ts";
import { Value } from "../Value.tsx";
import { BulkActions, hasBulkActions } from "./BulkActions.tsx";
import { rowHeight } from "./rowHeight.ts";
import type { Density } from "./useListLayout.ts";

/**
 * A table whose columns are written out, of which a person sees those they
 * chose, in their order. A chosen column that nobody wrote is shown as the
 * catalogue describes it.
 */
export const ChosenTable = ({
  columns,
  density,
  rowClick,
  bulkActions,
  children,
}: {
  columns: readonly CatalogField[];
  density: Density;
  rowClick: "show" | "edit";
  /** In place of those every table has. */
  bulkActions?: ReactElement;
  /** `DataTable.Col`, each with its `source`. */
  children: ReactNode;
}) => {
  const resource = useCatalogResource();
  const written = new Map(
    Children.toArray(children).flatMap((column) =>
      isValidElement<{ source?: string }>(column) && column.props.source
        ? [[column.props.source, column] as const]
        : [],
    ),
  );
  return (
    <DataTable<RaRecord>
      rowClick={rowClick}
      bulkActionButtons={
        hasBulkActions(resource)
          ? (bulkActions ?? <BulkActions resource={resource} />)
          : false
      }
      sx={rowHeight(density)}
    >
      {columns.map(
        (field) =>
          written.get(field.name) ?? (
            <DataTable.Col<RaRecord>
              key={field.name}
              source={field.name}
              label={field.label}
              disableSort={!field.sort}
              {...(isNumeric(field) ? { align: "right" as const } : {})}
              render={() => <Value source={field.name} />}
            />
          ),
      )}
    </DataTable>
  );
};
