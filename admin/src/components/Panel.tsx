import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import type { SxProps, Theme } from "@mui/material/styles";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useId } from "react";

/** The one shell of everything that stands on a page: title, action, content. */
export const Panel = ({
  title,
  action,
  children,
  sx,
}: {
  title?: string;
  action?: ReactNode;
  children: ReactNode;
  sx?: SxProps<Theme>;
}) => {
  const id = useId();
  return (
    <Card
      component="section"
      aria-labelledby={title === undefined ? undefined : id}
      sx={[{ p: { xs: 2, sm: 3 } }, ...(Array.isArray(sx) ? sx : [sx])]}
    >
      {title !== undefined && (
        <Box
          sx={{
            display: "flex",
            alignItems: "baseline",
            justifyContent: "space-between",
            columnGap: 2,
            flexWrap: "wrap",
            mb: 2,
          }}
        >
          <Typography id={id} component="h2" variant="h5">
            {title}
          </Typography>
          {action}
        </Box>
      )}
      {children}
    </Card>
  );
};
