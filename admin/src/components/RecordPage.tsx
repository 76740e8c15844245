import ArrowBackIcon from "@mui/icons-material/ArrowBackOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { LinkBase, Title, useTranslate } from "react-admin";

import { PageSkeleton } from "../layout/Layout.tsx";

/** Panels one below the other, none wider than the page. */
export const panels = {
  display: "grid",
  gap: 2.5,
  gridTemplateColumns: "minmax(0, 1fr)",
} as const;

/** While a record is read. */
export const RecordPending = ({ title }: { title: string }) => {
  const translate = useTranslate();
  return (
    <>
      <Title title={translate(title)} />
      <PageSkeleton />
    </>
  );
};

/** The page of one record: the way back, what it is and what one may do with it, then its panels. */
export const RecordPage = ({
  title,
  back,
  above,
  heading,
  headingVariant = "h3",
  below,
  action,
  children,
}: {
  title: string;
  back: { to: string; label: string };
  above?: ReactNode;
  heading: ReactNode;
  headingVariant?: "h3" | "h4";
  below?: ReactNode;
  action?: ReactNode;
  children: ReactNode;
}) => {
  const translate = useTranslate();
  return (
    <Box sx={{ ...panels, mt: 1 }}>
      <Title title={translate(title)} />
      <Box>
        <Button
          component={LinkBase}
          to={back.to}
          size="small"
          startIcon={<ArrowBackIcon />}
          sx={{ ml: -1, mb: 1 }}
        >
          {translate(back.label)}
        </Button>
        <Box
          sx={{
            display: "flex",
            flexWrap: "wrap",
            gap: 2,
            justifyContent: "space-between",
            alignItems: "flex-start",
          }}
        >
          <Box sx={{ minWidth: 0, flex: "1 1 380px" }}>
            {above}
            <Typography
              component="h2"
              variant={headingVariant}
              sx={{
                mt: above === undefined ? 0 : 1,
                mb: 0.5,
                overflowWrap: "anywhere",
              }}
            >
              {heading}
            </Typography>
            {below}
          </Box>
          {action}
        </Box>
      </Box>
      {children}
    </Box>
  );
};
