import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import { LinkBase } from "react-admin";

export type LegendEntry = {
  name: string;
  color: string;
  value: string;
  /** The rows behind it. */
  to?: string | undefined;
};

/** The parts of a chart in words, each with its sum and the way to its rows. */
export const ChartLegend = ({
  entries,
}: {
  entries: readonly LegendEntry[];
}) => (
  <Box
    component="ul"
    sx={{
      listStyle: "none",
      m: 0,
      mb: 0.75,
      p: 0,
      display: "flex",
      flexWrap: "wrap",
      columnGap: 2.5,
      rowGap: 0.5,
      fontSize: "0.875rem",
    }}
  >
    {entries.map(({ name, color, value, to }) => (
      <Box
        component="li"
        key={name}
        sx={{ display: "flex", alignItems: "center", gap: 0.75 }}
      >
        <Box
          component="span"
          aria-hidden="true"
          sx={{ width: 10, height: 10, borderRadius: "3px", bgcolor: color }}
        />
        {to === undefined ? (
          name
        ) : (
          <Link component={LinkBase} to={to} color="inherit">
            {name}
          </Link>
        )}
        <Box
          component="span"
          sx={{ fontWeight: 600, fontVariantNumeric: "tabular-nums" }}
        >
          {value}
        </Box>
      </Box>
    ))}
  </Box>
);
