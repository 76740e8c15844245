import type { Density } from "./useListLayout.ts";

/** The rows of a table as tall as the person wants them. */
export const rowHeight = (density: Density) => ({
  "& .RaDataTable-rowCell, & .MuiTableCell-body": {
    py: density === "compact" ? 0.5 : 1.5,
  },
});
