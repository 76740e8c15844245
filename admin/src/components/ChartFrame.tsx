import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { lazy, Suspense, useState } from "react";
import { useLocale, useTranslate } from "react-admin";

import { formatCount } from "../format.ts";

const StackedBars = lazy(() => import("./StackedBars.tsx"));

export type ChartSeries = {
  name: string;
  color: string;
  values: readonly number[];
  /** The rows behind the series. */
  to?: string;
};

/**
 * A chart that can be read without seeing it: a sentence that says what it shows,
 * and the same figures as a table on request. The drawing itself is fetched when
 * it is first needed.
 */
export const ChartFrame = ({
  summary,
  axis,
  labels,
  series,
  legend,
  height = 240,
}: {
  /** What the picture says, in a sentence. */
  summary: string;
  /** What the places on the axis are: "Day". */
  axis: string;
  labels: readonly string[];
  series: readonly ChartSeries[];
  legend?: ReactNode;
  height?: number;
}) => {
  const translate = useTranslate();
  const locale = useLocale();
  const [asTable, setAsTable] = useState(false);
  return (
    <Box component="figure" sx={{ m: 0 }}>
      {asTable ? (
        <Box
          sx={{ maxHeight: height + 40, overflow: "auto" }}
          tabIndex={0}
          role="region"
          aria-label={summary}
        >
          <Table size="small" stickyHeader>
            <TableHead>
              <TableRow>
                <TableCell>{axis}</TableCell>
                {series.map(({ name }) => (
                  <TableCell key={name} align="right">
                    {name}
                  </TableCell>
                ))}
              </TableRow>
            </TableHead>
            <TableBody>
              {labels.map((label, at) => (
                <TableRow key={label}>
                  <TableCell component="th" scope="row">
                    {label}
                  </TableCell>
                  {series.map(({ name, values }) => (
                    <TableCell
                      key={name}
                      align="right"
                      sx={{ fontVariantNumeric: "tabular-nums" }}
                    >
                      {formatCount(values[at] ?? 0, locale)}
                    </TableCell>
                  ))}
                </TableRow>
              ))}
            </TableBody>
          </Table>
        </Box>
      ) : (
        <Suspense fallback={<Skeleton variant="rounded" height={height} />}>
          <StackedBars labels={labels} series={series} height={height} />
        </Suspense>
      )}
      <Box
        component="figcaption"
        sx={{
          display: "flex",
          alignItems: "center",
          justifyContent: "space-between",
          flexWrap: "wrap",
          columnGap: 2,
          rowGap: 0.5,
          mt: 1,
        }}
      >
        <Box sx={{ minWidth: 0 }}>
          {legend}
          <Typography variant="body2" color="textSecondary">
            {summary}
          </Typography>
        </Box>
        <Button size="small" onClick={() => setAsTable(!asTable)}>
          {translate(asTable ? "charts.as_chart" : "charts.as_table")}
        </Button>
      </Box>
    </Box>
  );
};
