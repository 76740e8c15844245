import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import Typography from "@mui/material/Typography";
import { EditButton, ShowBase, useRecordContext } from "react-admin";

import { PageSkeleton } from "../layout/Layout.tsx";
import type { AdminResource } from "./adopt.ts";
import { useCatalog, useCatalogResource } from "./CatalogContext.tsx";
import { representationOf } from "./columns.ts";
import { FieldValue } from "./fields/FieldValue.tsx";
import { RecordTitle, useEditColumns } from "./GeneratedEdit.tsx";

const Details = ({ resource }: { resource: AdminResource }) => {
  const catalog = useCatalog();
  const record = useRecordContext();
  if (record === undefined) return <PageSkeleton />;
  return (
    <Card sx={{ p: 3 }}>
      <Typography component="h2" variant="h2">
        {representationOf(catalog, resource, record)}
      </Typography>
      {resource.fields.map((field) => (
        <Box key={field.name}>
          {field.label}{" "}
          <FieldValue
            resource={resource}
            field={field}
            record={record}
            room="page"
          />
        </Box>
      ))}
      {resource.verbs.update && <EditButton />}
    </Card>
  );
};

export const GeneratedShow = () => {
  const resource = useCatalogResource();
  const columns = useEditColumns(resource);
  return (
    <ShowBase queryOptions={{ meta: { columns } }}>
      <RecordTitle resource={resource} />
      <Details resource={resource} />
    </ShowBase>
  );
};
