import Box from "@mui/material/Box";
import { useRecordContext } from "react-admin";

import type { AdminResource } from "../adopt.ts";
import { ActionButton } from "./ActionButton.tsx";

/** Every action of the table for the one record around it: a selection of one, too. */
export const RowActions = ({ resource }: { resource: AdminResource }) => {
  const record = useRecordContext();
  if (record === undefined) return null;
  return resource.actions.map((action) => (
    <ActionButton
      key={action.mutation}
      resource={resource}
      action={action}
      ids={[record.id]}
    />
  ));
};

/** The same above a form. */
export const EditActions = ({ resource }: { resource: AdminResource }) =>
  resource.actions.length === 0 ? null : (
    <Box
      sx={{
        display: "flex",
        flexWrap: "wrap",
        gap: 1,
        justifyContent: "flex-end",
        p: 1.5,
      }}
    >
      <RowActions resource={resource} />
    </Box>
  );
