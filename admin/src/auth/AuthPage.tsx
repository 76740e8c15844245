import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useTranslate } from "react-admin";

import { LogoMark, Wordmark } from "../layout/Logo.tsx";
import { displayFont } from "../theme/theme.ts";

const wall: readonly [string, string][] = [
  ["jackets", "camel"],
  ["bags", "burgundy"],
  ["sneakers", "cream"],
  ["hats", "navy blue"],
  ["dresses", "maroon"],
  ["scarves", "mustard"],
  ["tops", "sage"],
  ["heels", "black"],
  ["jewelry", "gold"],
];

/** The corners a fitting camera draws around the garment it has found. */
const Viewfinder = () => (
  <Box
    component="svg"
    viewBox="0 0 100 100"
    aria-hidden="true"
    sx={{
      position: "absolute",
      inset: -12,
      width: "calc(100% + 24px)",
      height: "calc(100% + 24px)",
      overflow: "visible",
    }}
  >
    <g fill="none" stroke="#f0a9bc" strokeWidth="1.4" strokeLinecap="round">
      <path d="M2 16V6a4 4 0 0 1 4-4h10M84 2h10a4 4 0 0 1 4 4v10M98 84v10a4 4 0 0 1-4 4H84M16 98H6a4 4 0 0 1-4-4V84" />
    </g>
  </Box>
);

const Wall = () => {
  const translate = useTranslate();
  return (
    <Box
      sx={{
        display: { xs: "none", md: "flex" },
        flexDirection: "column",
        justifyContent: "space-between",
        position: "sticky",
        top: 0,
        height: "100vh",
        overflow: "hidden",
        p: { md: 5, lg: 6 },
        color: "#fbf8f4",
        background:
          "radial-gradient(120% 90% at 15% 0%, #6d1b34 0%, #35131f 46%, #171113 100%)",
      }}
    >
      <Box
        sx={{
          display: "grid",
          gridTemplateColumns: "repeat(3, 1fr)",
          gap: { md: 2, lg: 2.5 },
          width: "100%",
          maxWidth: "min(600px, 62vh)",
          mx: "auto",
          my: "auto",
        }}
      >
        {wall.map(([category, color], index) => (
          <Box
            key={category}
            sx={{
              position: "relative",
              transform: `translateY(${[14, -14, 14][index % 3]}px)`,
            }}
          >
            <Box
              component="img"
              src={`/illustrations/${category}.svg?color=${encodeURIComponent(color)}`}
              alt=""
              width={512}
              height={512}
              sx={{
                display: "block",
                width: "100%",
                height: "auto",
                borderRadius: "14px",
              }}
            />
            {index === 4 && <Viewfinder />}
          </Box>
        ))}
      </Box>
      <Box sx={{ maxWidth: 560, mt: 5, flexShrink: 0 }}>
        <Typography
          component="p"
          sx={{
            fontFamily: displayFont,
            fontSize: { md: "1.9rem", lg: "2.3rem" },
            lineHeight: 1.15,
            letterSpacing: "-0.01em",
          }}
        >
          {translate("auth.caption_title")}
        </Typography>
        <Typography sx={{ mt: 1.5, color: "#e5d6d3" }}>
          {translate("auth.caption_body")}
        </Typography>
      </Box>
    </Box>
  );
};

/** The frame of every page a person meets before being signed in. */
export const AuthPage = ({
  title,
  lead,
  children,
}: {
  title: string;
  lead: string;
  children: ReactNode;
}) => (
  <Box
    sx={{
      minHeight: "100vh",
      display: "grid",
      gridTemplateColumns: {
        xs: "minmax(0, 1fr)",
        md: "minmax(0, 1.1fr) minmax(420px, 1fr)",
      },
      bgcolor: "background.default",
      color: "text.primary",
    }}
  >
    <Wall />
    <Box
      component="main"
      sx={{
        display: "flex",
        flexDirection: "column",
        justifyContent: "center",
        px: { xs: 3, sm: 6 },
        py: { xs: 5, md: 6 },
      }}
    >
      <Box sx={{ width: "100%", maxWidth: 400, mx: "auto" }}>
        <Box
          sx={{
            display: "flex",
            alignItems: "center",
            gap: 1.5,
            mb: { xs: 4, md: 5 },
          }}
        >
          <LogoMark size={38} />
          <Wordmark size={28} />
        </Box>
        <Typography component="h1" variant="h2" sx={{ mb: 1 }}>
          {title}
        </Typography>
        <Typography color="textSecondary" sx={{ mb: 3.5 }}>
          {lead}
        </Typography>
        {children}
      </Box>
    </Box>
  </Box>
);
