import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TablePagination from "@mui/material/TablePagination";
import TableRow from "@mui/material/TableRow";
import { useState } from "react";
import type { RaRecord } from "react-admin";
import { useGetManyReference, useTranslate } from "react-admin";

import { Panel } from "../components/Panel.tsx";
import type { ImportRun } from "./types.ts";

type Refusal = RaRecord<string> & {
  lineNo: number;
  field: string;
  code: string;
  reason: string;
  label: string | null;
  fields: string[];
};

const PER_PAGE = 10;

/** Every line that was refused: its number, the field, why, and what it said. */
export const RefusedRows = ({ run }: { run: ImportRun }) => {
  const translate = useTranslate();
  const [page, setPage] = useState(0);
  const { data, total, isPending } = useGetManyReference<Refusal>(
    "import_refusals",
    {
      target: "runId",
      id: run.id,
      pagination: { page: page + 1, perPage: PER_PAGE },
      sort: { field: "lineNo", order: "ASC" },
    },
  );
  return (
    <Panel title={translate("imports.refused_title")}>
      <Box
        sx={{ overflowX: "auto", mx: { xs: -2, sm: -3 } }}
        tabIndex={0}
        role="group"
        aria-label={translate("imports.refused_title")}
      >
        <Table size="small" sx={{ minWidth: 640 }}>
          <TableHead>
            <TableRow>
              <TableCell align="right">{translate("imports.line")}</TableCell>
              <TableCell>{translate("imports.field")}</TableCell>
              <TableCell>{translate("imports.reason")}</TableCell>
              <TableCell>{translate("imports.row_content")}</TableCell>
            </TableRow>
          </TableHead>
          <TableBody>
            {isPending
              ? Array.from({ length: 5 }, (_item, index) => (
                  <TableRow key={index}>
                    <TableCell colSpan={4}>
                      <Skeleton />
                    </TableCell>
                  </TableRow>
                ))
              : data?.map((refusal) => (
                  <TableRow key={refusal.id}>
                    <TableCell align="right">{refusal.lineNo}</TableCell>
                    <TableCell>
                      {translate(`imports.fields.${refusal.field}`, {
                        _: refusal.field,
                      })}
                    </TableCell>
                    <TableCell>{refusal.reason}</TableCell>
                    <TableCell
                      sx={{
                        color: "text.secondary",
                        maxWidth: 380,
                        overflow: "hidden",
                        textOverflow: "ellipsis",
                        whiteSpace: "nowrap",
                      }}
                    >
                      {refusal.fields.join(" · ")}
                    </TableCell>
                  </TableRow>
                ))}
          </TableBody>
        </Table>
      </Box>
      {(total ?? 0) > PER_PAGE && (
        <TablePagination
          component="div"
          count={total ?? 0}
          page={page}
          rowsPerPage={PER_PAGE}
          rowsPerPageOptions={[PER_PAGE]}
          onPageChange={(_event, next) => setPage(next)}
        />
      )}
    </Panel>
  );
};
