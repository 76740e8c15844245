import Box from "@mui/material/Box";
import Divider from "@mui/material/Divider";
import Tooltip from "@mui/material/Tooltip";
import Typography from "@mui/material/Typography";
import type { RaRecord } from "react-admin";

import type { AdminResource } from "../adopt.ts";
import { isBareKey } from "../columns.ts";
import { FieldValue } from "../fields/FieldValue.tsx";
import { isLongText } from "../inputs/formValues.ts";
import type { CatalogField } from "../types.ts";

export type FieldGroups = {
  pictures: CatalogField[];
  facts: CatalogField[];
  long: CatalogField[];
  record: CatalogField[];
};

const BOOKKEEPING = new Set(["created_at", "updated_at", "deleted_at"]);

/** What it is, what it says at length, and the record's own papers. */
export function groupFields(resource: AdminResource): FieldGroups {
  const groups: FieldGroups = { pictures: [], facts: [], long: [], record: [] };
  const companions = new Set(
    resource.fields.flatMap(({ widget }) =>
      widget?.name === "money" ? [widget.options["currency"] ?? ""] : [],
    ),
  );
  for (const field of resource.fields) {
    if (field.hidden || !field.read || companions.has(field.name)) continue;
    if (BOOKKEEPING.has(field.column) || isBareKey(resource, field)) {
      groups.record.push(field);
    } else if (field.widget?.name === "image") {
      groups.pictures.push(field);
    } else if (isLongText(field) || field.kind === "json" || field.array) {
      groups.long.push(field);
    } else {
      groups.facts.push(field);
    }
  }
  return groups;
}

const Label = ({ field }: { field: CatalogField }) => {
  const text = (
    <Typography component="dt" variant="caption" color="textSecondary">
      {field.label}
    </Typography>
  );
  return field.help === null ? (
    text
  ) : (
    <Tooltip title={field.help} placement="top-start">
      {text}
    </Tooltip>
  );
};

const Grid = ({
  resource,
  fields,
  record,
  wide = false,
}: {
  resource: AdminResource;
  fields: readonly CatalogField[];
  record: RaRecord;
  wide?: boolean;
}) => (
  <Box
    component="dl"
    sx={{
      m: 0,
      display: "grid",
      gridTemplateColumns: wide
        ? "minmax(0,1fr)"
        : {
            xs: "minmax(0,1fr) minmax(0,1fr)",
            md: "repeat(3, minmax(0,1fr))",
          },
      columnGap: 3,
      rowGap: 2.5,
    }}
  >
    {fields.map((field) => (
      <Box key={field.name} sx={{ minWidth: 0 }}>
        <Label field={field} />
        <Typography
          component="dd"
          variant="body2"
          sx={{ m: 0, mt: 0.25, fontWeight: 500, overflowWrap: "anywhere" }}
        >
          <FieldValue
            resource={resource}
            field={field}
            record={record}
            room="page"
          />
        </Typography>
      </Box>
    ))}
  </Box>
);

/** Every field of a record, in groups. */
export const Details = ({
  resource,
  record,
}: {
  resource: AdminResource;
  record: RaRecord;
}) => {
  const { pictures, facts, long, record: papers } = groupFields(resource);
  const shownPictures = pictures.filter(({ name }) => record[name] !== null);
  return (
    <Box
      sx={{
        display: "grid",
        gap: { xs: 3, md: 5 },
        gridTemplateColumns:
          shownPictures.length > 0
            ? { xs: "minmax(0,1fr)", md: "auto minmax(0,1fr)" }
            : "minmax(0,1fr)",
      }}
    >
      {shownPictures.length > 0 && (
        <Box sx={{ display: "grid", gap: 2, alignContent: "start" }}>
          {shownPictures.map((field) => (
            <FieldValue
              key={field.name}
              resource={resource}
              field={field}
              record={record}
              room="page"
            />
          ))}
        </Box>
      )}
      <Box sx={{ display: "grid", gap: 3, alignContent: "start" }}>
        {facts.length > 0 && (
          <Grid resource={resource} fields={facts} record={record} />
        )}
        {long.length > 0 && (
          <Grid resource={resource} fields={long} record={record} wide />
        )}
        {papers.length > 0 && (
          <>
            <Divider />
            <Grid resource={resource} fields={papers} record={record} />
          </>
        )}
      </Box>
    </Box>
  );
};
