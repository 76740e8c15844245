import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { LinkBase, useLocale, useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { Definition } from "../components/Definition.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { formatCount } from "../format.ts";
import { jobsLink } from "../wallet/jobLinks.ts";
import type { Window } from "./operationsApi.ts";
import { useFailures } from "./operationsApi.ts";

/** Why attempts failed; a code leads to the jobs that met it. */
export const FailuresPanel = ({
  minutes,
  isLive,
}: {
  minutes: Window;
  isLive: boolean;
}) => {
  const translate = useTranslate();
  const locale = useLocale();
  const { data, dataUpdatedAt } = useFailures(minutes, isLive);
  return (
    <Panel
      title={translate("operations.failures")}
      action={
        <Box sx={{ display: "flex", gap: 1, alignItems: "center" }}>
          <AsOf at={dataUpdatedAt} />
          <Definition text={translate("operations.failures_definition")} />
        </Box>
      }
      sx={{ minWidth: 0 }}
    >
      {data === undefined ? (
        <Skeleton variant="rounded" height={160} />
      ) : data.length === 0 ? (
        <Typography color="textSecondary">
          {translate("operations.failures_empty")}
        </Typography>
      ) : (
        <Box sx={{ overflowX: "auto" }}>
          <Table size="small">
            <TableHead>
              <TableRow>
                <TableCell>{translate("operations.code")}</TableCell>
                <TableCell align="right">
                  {translate("operations.attempts")}
                </TableCell>
                <TableCell align="right">
                  {translate("operations.jobs")}
                </TableCell>
                <TableCell align="right">
                  {translate("operations.last")}
                </TableCell>
              </TableRow>
            </TableHead>
            <TableBody>
              {data.map((failure) => (
                <TableRow key={failure.errorCode}>
                  <TableCell component="th" scope="row">
                    <Link
                      component={LinkBase}
                      to={jobsLink({ "attempts.errorCode": failure.errorCode })}
                    >
                      {failure.errorCode}
                    </Link>
                  </TableCell>
                  <TableCell
                    align="right"
                    sx={{ fontVariantNumeric: "tabular-nums" }}
                  >
                    {formatCount(failure.attempts, locale)}
                  </TableCell>
                  <TableCell
                    align="right"
                    sx={{ fontVariantNumeric: "tabular-nums" }}
                  >
                    {formatCount(failure.jobs, locale)}
                  </TableCell>
                  <TableCell align="right">
                    <RelativeTime value={failure.lastAt} />
                  </TableCell>
                </TableRow>
              ))}
            </TableBody>
          </Table>
        </Box>
      )}
    </Panel>
  );
};
