import Box from "@mui/material/Box";
import type { ComponentType } from "react";
import { useTranslate } from "react-admin";

import { useTokens } from "../theme/useTokens.ts";

export type Tone = "success" | "warning" | "error" | "info" | "quiet";

/** A state in words with a colour beside it, never by colour alone. */
export const StatusChip = ({
  tone,
  label,
  fallback = label,
  icon: Icon,
}: {
  tone: Tone;
  label: string;
  /** What to say where the label has no words. */
  fallback?: string;
  /** In place of the dot. */
  icon?: ComponentType;
}) => {
  const translate = useTranslate();
  const c = useTokens();
  const [ink, soft] = {
    success: [c.success, c.successSoft],
    warning: [c.warning, c.warningSoft],
    error: [c.error, c.errorSoft],
    info: [c.info, c.infoSoft],
    quiet: [c.quiet, c.raised],
  }[tone];
  return (
    <Box
      component="span"
      sx={{
        display: "inline-flex",
        alignItems: "center",
        gap: 0.75,
        px: 1,
        py: "2px",
        borderRadius: "7px",
        fontSize: "0.78rem",
        fontWeight: 600,
        lineHeight: 1.6,
        whiteSpace: "nowrap",
        color: ink,
        bgcolor: soft,
      }}
    >
      {Icon === undefined ? (
        <Box
          component="span"
          aria-hidden="true"
          sx={{
            width: 6,
            height: 6,
            borderRadius: "50%",
            bgcolor: "currentcolor",
          }}
        />
      ) : (
        <Box
          component="span"
          aria-hidden="true"
          sx={{ display: "flex", "& svg": { fontSize: 15 } }}
        >
          <Icon />
        </Box>
      )}
      {translate(label, { _: fallback })}
    </Box>
  );
};
