import InfoIcon from "@mui/icons-material/InfoOutlined";
import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import Skeleton from "@mui/material/Skeleton";
import Tooltip from "@mui/material/Tooltip";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { LinkBase, useLocale } from "react-admin";

import { formatCount } from "../format.ts";
import { displayFont } from "../theme/theme.ts";

/** A long amount still stands on one line of its card. */
const sizeOf = (text: string): { xs: string; sm: string } =>
  text.length > 10
    ? { xs: "1.35rem", sm: "1.75rem" }
    : text.length > 8
      ? { xs: "1.6rem", sm: "2.1rem" }
      : { xs: "2.1rem", sm: "2.6rem" };

/** One figure: what it is, how it is counted, and the rows behind it. */
export const Figure = ({
  label,
  definition,
  to,
  value,
  detail,
  isPending,
}: {
  label: string;
  definition: string;
  /** None where the role does not read those rows. */
  to?: string | undefined;
  value: number | string | null | undefined;
  detail?: ReactNode;
  isPending: boolean;
}) => {
  const locale = useLocale();
  const text =
    typeof value === "number" ? formatCount(value, locale) : (value ?? "–");
  return (
    <Card
      sx={{
        position: "relative",
        p: { xs: 2, sm: 2.5 },
        minHeight: 138,
        minWidth: 0,
        display: "flex",
        flexDirection: "column",
        transition: "border-color .15s",
        "&:hover": { borderColor: "text.secondary" },
      }}
    >
      <Box
        sx={{
          display: "flex",
          alignItems: "center",
          justifyContent: "space-between",
        }}
      >
        <Typography component="h2" variant="subtitle2" color="textSecondary">
          {to === undefined ? (
            label
          ) : (
            <LinkBase
              to={to}
              style={{ color: "inherit", textDecoration: "none" }}
            >
              {label}
              {/* The whole card is the link's target. */}
              <Box
                component="span"
                aria-hidden="true"
                sx={{ position: "absolute", inset: 0, borderRadius: "14px" }}
              />
            </LinkBase>
          )}
        </Typography>
        <Tooltip title={definition}>
          <Box
            component="span"
            tabIndex={0}
            role="img"
            aria-label={definition}
            sx={{
              position: "relative",
              zIndex: 1,
              display: "flex",
              color: "text.secondary",
            }}
          >
            <InfoIcon sx={{ fontSize: 17 }} />
          </Box>
        </Tooltip>
      </Box>
      <Typography
        component="p"
        sx={{
          fontFamily: displayFont,
          fontSize: sizeOf(text),
          lineHeight: 1.15,
          mt: 0.75,
          fontVariantNumeric: "tabular-nums lining-nums",
        }}
      >
        {isPending ? <Skeleton width={110} /> : text}
      </Typography>
      <Typography
        component="div"
        variant="body2"
        color="textSecondary"
        sx={{ mt: "auto", minHeight: 21 }}
      >
        {isPending ? <Skeleton width={150} /> : detail}
      </Typography>
    </Card>
  );
};
