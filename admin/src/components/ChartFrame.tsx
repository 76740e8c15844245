import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { lazy, Suspense, useState } from "react";
import { LinkBase, useLocale, useTranslate } from "react-admin";

import { formatCount } from "../format.ts";

const drawings = {
  bars: lazy(() => import("./StackedBars.tsx")),
  waterfall: lazy(() => import("./Waterfall.tsx")),
} as const;

export type ChartSeries = {
  name: string;
  color: string;
  /** Below zero they hang under the axis. */
  values: readonly number[];
  /** The rows behind the series. */
  to?: string;
  /** A line stands on its own; bars stand on one another. */
  kind?: "bar" | "line";
};

export type Drawing = {
  /** One for each place on the axis. */
  labels: readonly string[];
  series: readonly ChartSeries[];
  height: number;
  /** A value in words, and where there is less room. */
  format: (value: number) => string;
  formatShort: (value: number) => string;
  /** The rows behind a place on the axis; nothing where there are none. */
  onSelect: ((at: number) => void) | null;
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
  links,
  onSelect,
  drawing = "bars",
  format,
  formatShort,
  height = 240,
}: {
  /** What the picture says, in a sentence. */
  summary: string;
  /** What the places on the axis are: "Day". */
  axis: string;
  labels: readonly string[];
  series: readonly ChartSeries[];
  legend?: ReactNode;
  /** The rows behind each place on the axis, for the table. */
  links?: readonly (string | undefined)[];
  /** The same, for who points at the drawing. */
  onSelect?: (at: number) => void;
  drawing?: keyof typeof drawings;
  format?: (value: number) => string;
  formatShort?: (value: number) => string;
  height?: number;
}) => {
  const translate = useTranslate();
  const locale = useLocale();
  const [asTable, setAsTable] = useState(false);
  const Drawn = drawings[drawing];
  const words = format ?? ((value: number) => formatCount(value, locale));
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
                    {links?.[at] === undefined ? (
                      label
                    ) : (
                      <Link component={LinkBase} to={links[at]} color="inherit">
                        {label}
                      </Link>
                    )}
                  </TableCell>
                  {series.map(({ name, values }) => (
                    <TableCell
                      key={name}
                      align="right"
                      sx={{
                        fontVariantNumeric: "tabular-nums",
                        whiteSpace: "nowrap",
                      }}
                    >
                      {words(values[at] ?? 0)}
                    </TableCell>
                  ))}
                </TableRow>
              ))}
            </TableBody>
          </Table>
        </Box>
      ) : (
        <Suspense fallback={<Skeleton variant="rounded" height={height} />}>
          <Drawn
            labels={labels}
            series={series}
            height={height}
            format={words}
            formatShort={formatShort ?? words}
            onSelect={onSelect ?? null}
          />
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
        <Box sx={{ minWidth: 0, flex: "1 1 280px" }}>
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
