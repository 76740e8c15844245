import CheckCircleIcon from "@mui/icons-material/CheckCircleOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import type { UseQueryResult } from "@tanstack/react-query";
import { useTranslate } from "react-admin";

import { AsOf } from "./AsOf.tsx";

/** A row of an invariant that does not hold. */
export type Finding = { invariant: string; detail: string };

const Differences = ({
  words,
  findings,
}: {
  words: string;
  findings: readonly Finding[];
}) => {
  const translate = useTranslate();
  return (
    <>
      <Alert severity="error" sx={{ mb: 2 }}>
        {translate(`${words}.differs`, { smart_count: findings.length })}
      </Alert>
      <Box sx={{ overflowX: "auto" }} tabIndex={0}>
        <Table size="small">
          <TableHead>
            <TableRow>
              <TableCell>{translate("reconcile.rule")}</TableCell>
              <TableCell>{translate("reconcile.row")}</TableCell>
            </TableRow>
          </TableHead>
          <TableBody>
            {findings.map(({ invariant, detail }) => (
              <TableRow key={`${invariant} ${detail}`}>
                <TableCell>
                  {translate(`${words}.rules.${invariant}`, { _: invariant })}
                </TableCell>
                <TableCell sx={{ overflowWrap: "anywhere" }}>
                  {detail}
                </TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </Box>
    </>
  );
};

/**
 * Books held against themselves: that they agree, or each row that does not; and
 * once more on request, for it reads everything. `words` names the texts: agree,
 * differs, rules.
 */
export const Findings = ({
  words,
  heading = "h3",
  check: { data, error, isFetching, dataUpdatedAt, refetch },
}: {
  words: string;
  heading?: "h2" | "h3";
  check: UseQueryResult<readonly Finding[]>;
}) => {
  const translate = useTranslate();
  return (
    <Box
      sx={{
        display: "flex",
        flexWrap: "wrap",
        gap: 2,
        justifyContent: "space-between",
        alignItems: "center",
      }}
    >
      <Box sx={{ flex: 1, minWidth: 240 }} aria-live="polite">
        {error !== null ? (
          <Alert severity="error" role="alert">
            {translate(error.message, { _: error.message })}
          </Alert>
        ) : data === undefined ? (
          <Skeleton height={64} />
        ) : data.length === 0 ? (
          <Box sx={{ display: "flex", gap: 2, alignItems: "center", py: 1 }}>
            <CheckCircleIcon sx={{ fontSize: 44, color: "success.main" }} />
            <div>
              <Typography component={heading} variant="h5">
                {translate(`${words}.agree`)}
              </Typography>
              <AsOf at={dataUpdatedAt} />
            </div>
          </Box>
        ) : (
          <Differences words={words} findings={data} />
        )}
      </Box>
      <Button
        variant="outlined"
        disabled={isFetching}
        onClick={() => void refetch()}
      >
        {translate(isFetching ? "reconcile.checking" : "reconcile.again")}
      </Button>
    </Box>
  );
};
