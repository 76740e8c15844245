import Checkbox from "@mui/material/Checkbox";
import TableCell from "@mui/material/TableCell";
import type { MouseEvent, ReactNode } from "react";
import type { DataTableRowProps } from "react-admin";
import {
  DataTableConfigContext,
  DataTableRow,
  useDataTableCallbacksContext,
  useDataTableConfigContext,
  useDataTableSelectedIdsContext,
  useRecordContext,
  useTranslate,
} from "react-admin";

const SelectRow = () => {
  const translate = useTranslate();
  const record = useRecordContext();
  const { handleToggleItem, isRowSelectable } = useDataTableCallbacksContext();
  const selectedIds = useDataTableSelectedIdsContext();
  if (record === undefined) return null;
  const selectable = isRowSelectable?.(record) ?? true;
  return (
    <Checkbox
      checked={selectable && (selectedIds?.includes(record.id) ?? false)}
      disabled={!selectable}
      onClick={(event: MouseEvent) => {
        event.stopPropagation();
        if (selectable) handleToggleItem?.(record.id, event);
      }}
      slotProps={{ input: { "aria-label": translate("ra.action.select_row") } }}
    />
  );
};

/**
 * A row whose check box has a name. react-admin's own puts the name on the span
 * around it, where assistive technology does not look; so its column is switched
 * off for the row and this one takes its place. The theme gives it to every table.
 */
export const TableRow = ({
  children,
  ...props
}: DataTableRowProps & { children?: ReactNode }) => {
  const config = useDataTableConfigContext();
  return (
    <DataTableConfigContext.Provider
      value={{ ...config, hasBulkActions: false }}
    >
      <DataTableRow {...props}>
        {config.hasBulkActions === true && (
          <TableCell padding="checkbox">
            <SelectRow />
          </TableCell>
        )}
        {children}
      </DataTableRow>
    </DataTableConfigContext.Provider>
  );
};
