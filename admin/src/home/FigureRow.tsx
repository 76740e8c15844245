import Box from "@mui/material/Box";
import type { ReactNode } from "react";

export const FigureRow = ({
  columns = 4,
  children,
}: {
  /** On a wide screen. */
  columns?: 3 | 4;
  children: ReactNode;
}) => (
  <Box
    sx={{
      display: "grid",
      gap: { xs: 1.25, sm: 2 },
      gridTemplateColumns: {
        xs: "repeat(2, minmax(0,1fr))",
        sm: "repeat(2, minmax(0,1fr))",
        lg: `repeat(${columns}, minmax(0,1fr))`,
      },
    }}
  >
    {children}
  </Box>
);
