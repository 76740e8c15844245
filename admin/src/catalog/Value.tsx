import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useRecordContext } from "react-admin";

import { useIsPhone } from "../components/ListFrame.tsx";
import { RowLink } from "../components/RowLink.tsx";
import type { AdminResource } from "./adopt.ts";
import { fieldOf } from "./adopt.ts";
import { useCatalogResource } from "./CatalogContext.tsx";
import type { Room } from "./fields/FieldValue.tsx";
import { FieldValue } from "./fields/FieldValue.tsx";
import { pageOf, PhoneRows } from "./list/CatalogTable.tsx";
import type { CatalogField } from "./types.ts";

/** Columns by name; one this role does not see is left out. */
export const fieldsNamed = (
  resource: AdminResource,
  names: readonly string[],
): CatalogField[] => names.flatMap((name) => fieldOf(resource, name) ?? []);

/** One column of the record around it, as the catalogue wants it shown. */
export const Value = ({ source, room }: { source: string; room?: Room }) => {
  const resource = useCatalogResource();
  const record = useRecordContext();
  const field = fieldOf(resource, source);
  return record === undefined || field === undefined ? null : (
    <FieldValue
      resource={resource}
      field={field}
      record={record}
      {...(room ? { room } : {})}
    />
  );
};

/** The value that opens its record; a table needs one for the keyboard. */
export const LinkedValue = ({ source }: { source: string }) => {
  const resource = useCatalogResource();
  const record = useRecordContext();
  const to = record === undefined ? null : pageOf(resource, record);
  return to === null ? (
    <Value source={source} />
  ) : (
    <RowLink to={to}>
      <Value source={source} />
    </RowLink>
  );
};

/** Name and value pairs, as a list a screen reader understands. */
export const FactGrid = ({ children }: { children: ReactNode }) => (
  <Box
    component="dl"
    sx={{
      m: 0,
      display: "grid",
      gridTemplateColumns: {
        xs: "minmax(0,1fr) minmax(0,1fr)",
        md: "repeat(3, minmax(0,1fr))",
      },
      columnGap: 3,
      rowGap: 2.5,
    }}
  >
    {children}
  </Box>
);

export const Fact = ({
  label,
  source,
  wide = false,
}: {
  label: string;
  source: string;
  wide?: boolean;
}) => (
  <Box sx={{ minWidth: 0, ...(wide ? { gridColumn: "1 / -1" } : {}) }}>
    <Typography component="dt" variant="caption" color="textSecondary">
      {label}
    </Typography>
    <Typography
      component="dd"
      variant="body2"
      sx={{ m: 0, mt: 0.25, fontWeight: 500, overflowWrap: "anywhere" }}
    >
      <Value source={source} room="page" />
    </Typography>
  </Box>
);

/** A table on a desk; on a phone the same columns as cards. */
export const TableOrCards = ({
  columns,
  children,
}: {
  columns: readonly CatalogField[];
  children: ReactNode;
}) => {
  const resource = useCatalogResource();
  return useIsPhone() ? (
    <PhoneRows resource={resource} columns={columns} />
  ) : (
    children
  );
};
