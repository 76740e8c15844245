import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useTranslate } from "react-admin";

/** Name and value pairs, as a list a screen reader understands. */
export const Facts = ({ facts }: { facts: readonly [string, ReactNode][] }) => {
  const translate = useTranslate();
  return (
    <Box
      component="dl"
      sx={{
        m: 0,
        display: "grid",
        gridTemplateColumns: { xs: "1fr 1fr", md: "repeat(3, 1fr)" },
        columnGap: 3,
        rowGap: 2.25,
      }}
    >
      {facts.map(([label, value]) => (
        <Box key={label} sx={{ minWidth: 0 }}>
          <Typography component="dt" variant="caption" color="textSecondary">
            {translate(label)}
          </Typography>
          <Typography
            component="dd"
            variant="body2"
            sx={{ m: 0, mt: 0.25, fontWeight: 500, overflowWrap: "anywhere" }}
          >
            {value === null || value === undefined || value === ""
              ? "–"
              : value}
          </Typography>
        </Box>
      ))}
    </Box>
  );
};
