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
import { useCategories } from "../components/useLookups.ts";
import { formatCount } from "../format.ts";
import { jobsLink } from "../wallet/jobLinks.ts";
import type { Speed, Window } from "./operationsApi.ts";
import { useSpeed } from "./operationsApi.ts";
import { formatMs, formatShare } from "./words.ts";

const SpeedRow = ({ speed }: { speed: Speed }) => {
  const translate = useTranslate();
  const locale = useLocale();
  const { labelOf } = useCategories();
  const ms = (value: number | null) =>
    value === null ? translate("app.no_data") : formatMs(value, locale);
  const figures = [
    speed.success === null
      ? translate("app.no_data")
      : formatShare(speed.success, locale),
    ms(speed.p50Ms),
    ms(speed.p95Ms),
    formatCount(speed.completed, locale),
    formatCount(speed.failed, locale),
  ];
  return (
    <TableRow>
      <TableCell component="th" scope="row">
        <Link
          component={LinkBase}
          to={jobsLink({ categoryCode: speed.categoryCode })}
        >
          {labelOf(speed.categoryCode)}
        </Link>
      </TableCell>
      {figures.map((text, at) => (
        <TableCell
          key={at}
          align="right"
          sx={{ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" }}
        >
          {text}
        </TableCell>
      ))}
    </TableRow>
  );
};

/** How fast and how well attempts of each category went. */
export const SpeedPanel = ({
  minutes,
  isLive,
}: {
  minutes: Window;
  isLive: boolean;
}) => {
  const translate = useTranslate();
  const { data, dataUpdatedAt } = useSpeed(minutes, isLive);
  return (
    <Panel
      title={translate("operations.speed")}
      action={
        <Box sx={{ display: "flex", gap: 1, alignItems: "center" }}>
          <AsOf at={dataUpdatedAt} />
          <Definition text={translate("operations.speed_definition")} />
        </Box>
      }
      sx={{ minWidth: 0 }}
    >
      {data === undefined ? (
        <Skeleton variant="rounded" height={160} />
      ) : data.length === 0 ? (
        <Typography color="textSecondary">
          {translate("operations.speed_empty")}
        </Typography>
      ) : (
        <Box sx={{ overflowX: "auto" }}>
          <Table size="small">
            <TableHead>
              <TableRow>
                <TableCell>{translate("operations.category")}</TableCell>
                {["success", "p50", "p95", "completed", "failed_attempts"].map(
                  (name) => (
                    <TableCell key={name} align="right">
                      {translate(`operations.${name}`)}
                    </TableCell>
                  ),
                )}
              </TableRow>
            </TableHead>
            <TableBody>
              {data.map((speed) => (
                <SpeedRow key={speed.categoryCode} speed={speed} />
              ))}
            </TableBody>
          </Table>
        </Box>
      )}
    </Panel>
  );
};
