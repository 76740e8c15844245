import Box from "@mui/material/Box";
import { useId } from "react";

import { displayFont } from "../theme/theme.ts";
import { useTokens } from "../theme/useTokens.ts";

/** The mark: a hanger inside the corners of a viewfinder. */
export const LogoMark = ({ size = 32 }: { size?: number }) => {
  const c = useTokens();
  const title = useId();
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 32 32"
      role="img"
      aria-labelledby={title}
      focusable="false"
    >
      <title id={title}>ClosetAI</title>
      <g
        fill="none"
        strokeWidth="1.9"
        strokeLinecap="round"
        strokeLinejoin="round"
      >
        <path
          stroke={c.accent}
          d="M3 9V5.400A2.400 2.400 0 0 1 5.400 3H9M23 3h3.600A2.400 2.400 0 0 1 29 5.400V9M29 23v3.600a2.400 2.400 0 0 1-2.400 2.400H23M9 29H5.400A2.400 2.400 0 0 1 3 26.600V23"
        />
        <path
          stroke={c.ink}
          d="M13.200 11.200a2.800 2.800 0 1 1 4 2.550c-.850.360-1.200.850-1.200 1.700v.550M16 16l7.700 4.500c1.100.650.600 2.200-.650 2.200H8.950c-1.250 0-1.750-1.550-.650-2.200z"
        />
      </g>
    </svg>
  );
};

export const Wordmark = ({ size = 24 }: { size?: number }) => (
  <Box
    component="span"
    aria-hidden="true"
    sx={{
      fontFamily: displayFont,
      fontWeight: 600,
      fontSize: size,
      letterSpacing: "-0.01em",
      lineHeight: 1,
      whiteSpace: "nowrap",
    }}
  >
    Closet
    <Box component="span" sx={{ color: "secondary.main", ml: "0.06em" }}>
      AI
    </Box>
  </Box>
);

export const Logo = ({ size = 32 }: { size?: number }) => (
  <Box sx={{ display: "inline-flex", alignItems: "center", gap: 1.25 }}>
    <LogoMark size={size} />
    <Wordmark size={size * 0.75} />
  </Box>
);
