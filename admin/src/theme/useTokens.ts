import { useTheme } from "@mui/material/styles";

import { tokens } from "./theme.ts";

/** The palette of the theme in use, for what MUI's own palette has no name. */
export const useTokens = () => tokens(useTheme().palette.mode);
