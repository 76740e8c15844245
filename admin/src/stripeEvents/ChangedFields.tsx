import Box from "@mui/material/Box";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useTranslate } from "react-admin";

import type { Json, Payload } from "./payload.ts";
import { changedFields } from "./payload.ts";

const LONGEST = 400;

const asText = (value: Json): string => {
  const text =
    typeof value === "string" ? value : JSON.stringify(value, null, 1);
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
};

/** What an event says has changed, before and after. */
export const ChangedFields = ({
  payload,
}: {
  payload: Payload | null | undefined;
}) => {
  const translate = useTranslate();
  const changes = changedFields(payload);
  if (changes.length === 0) {
    return (
      <Typography color="textSecondary">
        {translate("inbox.no_changes")}
      </Typography>
    );
  }
  const value = {
    fontFamily: "ui-monospace, SFMono-Regular, Menlo, monospace",
    fontSize: "0.8rem",
    whiteSpace: "pre-wrap",
    overflowWrap: "anywhere",
    verticalAlign: "top",
  } as const;
  return (
    <Box
      sx={{ overflowX: "auto" }}
      tabIndex={0}
      role="region"
      aria-label={translate("inbox.changes")}
    >
      <Table size="small">
        <TableHead>
          <TableRow>
            <TableCell>{translate("inbox.field")}</TableCell>
            <TableCell>{translate("inbox.before")}</TableCell>
            <TableCell>{translate("inbox.after")}</TableCell>
          </TableRow>
        </TableHead>
        <TableBody>
          {changes.map((change) => (
            <TableRow key={change.path}>
              <TableCell component="th" scope="row" sx={value}>
                {change.path}
              </TableCell>
              <TableCell sx={value}>{asText(change.before)}</TableCell>
              <TableCell sx={value}>{asText(change.after)}</TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Box>
  );
};
