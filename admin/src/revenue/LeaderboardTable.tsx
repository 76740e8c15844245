import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableFooter from "@mui/material/TableFooter";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { LinkBase, useTranslate } from "react-admin";

import { Definition } from "../components/Definition.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { useIsPhone } from "../components/ListFrame.tsx";
import { MoneyChange } from "../components/Money.tsx";
import { jobsLink } from "../wallet/jobLinks.ts";
import type { Period } from "./period.ts";
import { addDays, startOf } from "./period.ts";
import type { Place, PlaceTotal } from "./revenueApi.ts";
import { useLeaderboard, useLeaderboardTotal } from "./revenueApi.ts";
import { useRevenueWords } from "./words.ts";

const numbers = {
  fontVariantNumeric: "tabular-nums",
  whiteSpace: "nowrap",
} as const;

type Column = {
  name: string;
  cell: (place: Place) => ReactNode;
  total?: (total: PlaceTotal) => ReactNode;
};

/** How much of all it is, as a bar under the number. */
const Share = ({ share, text }: { share: number | null; text: string }) => (
  <Box sx={{ minWidth: 72 }}>
    {text}
    <Box
      aria-hidden="true"
      sx={{ height: 3, borderRadius: 2, bgcolor: "divider", mt: 0.5 }}
    >
      <Box
        sx={{
          height: 3,
          borderRadius: 2,
          width: `${(share ?? 0) * 100}%`,
          bgcolor: "secondary.main",
        }}
      />
    </Box>
  </Box>
);

const useColumns = (period: Period, isShort: boolean): Column[] => {
  const { usd, count, ratio, times } = useRevenueWords();
  const tryons = (brandId: string) =>
    jobsLink({
      brandId,
      status: "completed",
      "finishedAt@gte": startOf(addDays(period.to, -30)),
      "finishedAt@lt": startOf(period.to),
    });
  return [
    {
      name: "mrr",
      cell: (place) => usd(place.mrrUsdMinor),
      total: (total) => usd(total.mrrUsdMinor),
    },
    {
      name: "change",
      cell: (place) => (
        <MoneyChange minor={place.changeUsdMinor} currency="usd" />
      ),
      total: (total) => (
        <MoneyChange minor={total.changeUsdMinor} currency="usd" />
      ),
    },
    {
      name: "share",
      cell: (place) => <Share share={place.share} text={ratio(place.share)} />,
    },
    ...(isShort
      ? []
      : [
          {
            name: "arr",
            cell: (place: Place) => usd(place.arrUsdMinor),
            total: (total: PlaceTotal) => usd(total.arrUsdMinor),
          },
        ]),
    {
      name: "subscriptions",
      cell: (place) => count(place.activeSubscriptions),
      total: (total) => count(total.activeSubscriptions),
    },
    {
      name: "tryons",
      cell: (place) => (
        <Link component={LinkBase} to={tryons(place.brandId)} color="inherit">
          {count(place.completedTryons)}
        </Link>
      ),
    },
    {
      name: "ltv_cac",
      cell: (place) => times(place.ltvCac),
      total: (total) => times(total.ltvCac),
    },
  ];
};

/** On a phone each brand is a card that names its figures. */
const Cards = ({
  places,
  total,
  columns,
}: {
  places: readonly Place[];
  total: PlaceTotal | undefined;
  columns: readonly Column[];
}) => {
  const translate = useTranslate();
  const figures = (cellOf: (column: Column) => ReactNode) => (
    <Box
      component="dl"
      sx={{
        m: 0,
        mt: 0.5,
        display: "grid",
        gridTemplateColumns: "1fr 1fr",
        columnGap: 2,
        rowGap: 0.75,
      }}
    >
      {columns.map((column) => {
        const cell = cellOf(column);
        return cell === undefined ? null : (
          <Box key={column.name} sx={{ minWidth: 0 }}>
            <Typography component="dt" variant="caption" color="textSecondary">
              {translate(`revenue.leaderboard.${column.name}`)}
            </Typography>
            <Typography
              component="dd"
              variant="body2"
              sx={{ ...numbers, m: 0 }}
            >
              {cell}
            </Typography>
          </Box>
        );
      })}
    </Box>
  );
  const card = {
    py: 1.5,
    borderTop: 1,
    borderColor: "divider",
    "&:first-of-type": { borderTop: 0, pt: 0 },
  } as const;
  return (
    <Box component="ol" sx={{ listStyle: "none", m: 0, p: 0 }}>
      {places.map((place) => (
        <Box component="li" key={place.brandId} sx={card}>
          <Typography component="span" color="textSecondary" sx={{ mr: 1 }}>
            {place.place}
          </Typography>
          <Link
            component={LinkBase}
            to={`/brands/${place.brandId}/show`}
            color="inherit"
            sx={{ fontWeight: 600 }}
          >
            {place.name}
          </Link>
          {figures(({ cell }) => cell(place))}
        </Box>
      ))}
      {total && (
        <Box component="li" sx={card}>
          <Typography variant="subtitle2" component="span">
            {translate("revenue.leaderboard.all", {
              smart_count: total.brands,
            })}
          </Typography>
          {figures(({ total: sum }) => sum?.(total))}
        </Box>
      )}
    </Box>
  );
};

/** Brands by MRR, with what all of them come to. */
export const LeaderboardTable = ({
  period,
  limit,
  isShort = false,
}: {
  period: Period;
  limit: number;
  isShort?: boolean;
}) => {
  const translate = useTranslate();
  const { data } = useLeaderboard(period, limit);
  const { data: total } = useLeaderboardTotal(period);
  const columns = useColumns(period, isShort);
  const isPhone = useIsPhone();
  if (data === undefined) return <Skeleton variant="rounded" height={260} />;
  if (data.length === 0) {
    return (
      <EmptyState
        dense
        category="hats"
        color="taupe"
        title={translate("revenue.leaderboard.empty_title")}
        body={translate("revenue.leaderboard.empty_body")}
      />
    );
  }
  if (isPhone) return <Cards places={data} total={total} columns={columns} />;
  return (
    <Box
      sx={{ overflowX: "auto" }}
      tabIndex={0}
      role="region"
      aria-label={translate("revenue.leaderboard.title")}
    >
      <Table size="small" sx={{ "& .MuiTableCell-root": { px: 1 } }}>
        <TableHead>
          <TableRow>
            <TableCell>{translate("revenue.leaderboard.place")}</TableCell>
            <TableCell>{translate("revenue.leaderboard.brand")}</TableCell>
            {columns.map(({ name }) => (
              <TableCell key={name} align="right" sx={{ whiteSpace: "nowrap" }}>
                {translate(`revenue.leaderboard.${name}`)}{" "}
                <Definition
                  text={translate(`revenue.leaderboard.${name}_definition`)}
                />
              </TableCell>
            ))}
          </TableRow>
        </TableHead>
        <TableBody>
          {data.map((place) => (
            <TableRow key={place.brandId}>
              <TableCell sx={numbers}>{place.place}</TableCell>
              <TableCell component="th" scope="row">
                <Link
                  component={LinkBase}
                  to={`/brands/${place.brandId}/show`}
                  color="inherit"
                  sx={{ fontWeight: 600 }}
                >
                  {place.name}
                </Link>
              </TableCell>
              {columns.map(({ name, cell }) => (
                <TableCell key={name} align="right" sx={numbers}>
                  {cell(place)}
                </TableCell>
              ))}
            </TableRow>
          ))}
        </TableBody>
        {total && (
          <TableFooter>
            <TableRow>
              <TableCell />
              <TableCell component="th" scope="row">
                <Typography variant="subtitle2" color="textPrimary">
                  {translate("revenue.leaderboard.all", {
                    smart_count: total.brands,
                  })}
                </Typography>
              </TableCell>
              {columns.map(({ name, total: sum }) => (
                <TableCell
                  key={name}
                  align="right"
                  sx={{
                    ...numbers,
                    color: "text.primary",
                    fontWeight: 600,
                    fontSize: "0.875rem",
                  }}
                >
                  {sum?.(total)}
                </TableCell>
              ))}
            </TableRow>
          </TableFooter>
        )}
      </Table>
    </Box>
  );
};
