import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";

/** Nothing here yet: what it will hold, and the one thing to do next. */
export const EmptyState = ({
  category,
  color = "taupe",
  title,
  body,
  action,
  dense = false,
}: {
  category: string;
  color?: string;
  title: string;
  body: string;
  action?: ReactNode;
  dense?: boolean;
}) => (
  <Box
    sx={{
      textAlign: "center",
      px: 3,
      py: dense ? 5 : { xs: 7, md: 11 },
      maxWidth: 520,
      mx: "auto",
    }}
  >
    <Box
      component="img"
      src={`/illustrations/${category}.svg?color=${encodeURIComponent(color)}`}
      alt=""
      width={dense ? 88 : 132}
      height={dense ? 88 : 132}
      sx={{ borderRadius: "18px", mb: dense ? 2 : 3 }}
    />
    <Typography component="h2" variant={dense ? "h5" : "h3"} gutterBottom>
      {title}
    </Typography>
    <Typography color="textSecondary" sx={{ mb: action ? 3 : 0 }}>
      {body}
    </Typography>
    {action && (
      <Box
        sx={{
          display: "flex",
          gap: 1.5,
          justifyContent: "center",
          flexWrap: "wrap",
        }}
      >
        {action}
      </Box>
    )}
  </Box>
);
