import LockIcon from "@mui/icons-material/LockOutlined";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { createElement, useState } from "react";
import { useTranslate } from "react-admin";

import { useTokens } from "../theme/useTokens.ts";
import { iconOfStatus } from "./JobStatusChip.tsx";
import type { TryonPage } from "./types.ts";
import { useJobScope } from "./useJobScope.ts";

/** Why there is no picture to see: not yet, never, not any more, or not for you. */
const useAbsence = () => {
  const translate = useTranslate();
  const { eyes } = useJobScope();
  return (job: TryonPage): string => {
    if (job.status !== "completed") {
      return translate(`tryons.no_result.${job.status}`);
    }
    if (eyes === "staff") return translate("tryons.no_result.staff");
    if (eyes === "brand" && job.shopper != null) {
      return translate("tryons.no_result.shopper");
    }
    return translate("tryons.no_result.gone");
  };
};

/** The picture a job made, for whom it shows or who asked for it. */
export const JobResult = ({ job }: { job: TryonPage }) => {
  const translate = useTranslate();
  const c = useTokens();
  const absenceOf = useAbsence();
  const [ended, setEnded] = useState<string | null>(null);
  const url = job.result?.url ?? null;
  if (url !== null && url !== ended && job.status === "completed") {
    return (
      <Box
        component="img"
        src={url}
        alt={translate("tryons.result_alt")}
        onError={() => setEnded(url)}
        sx={{
          display: "block",
          width: "100%",
          maxHeight: 620,
          objectFit: "contain",
          borderRadius: "14px",
          bgcolor: c.raised,
        }}
      />
    );
  }
  const isPrivate = job.status === "completed";
  return (
    <Box
      sx={{
        minHeight: { xs: 200, md: 320 },
        display: "grid",
        placeContent: "center",
        justifyItems: "center",
        gap: 1.25,
        px: 3,
        py: 4,
        textAlign: "center",
        borderRadius: "14px",
        bgcolor: c.raised,
        border: `1px solid ${c.line}`,
        "& svg": { fontSize: 34, color: c.quiet },
      }}
    >
      <Box aria-hidden="true" sx={{ display: "flex" }}>
        {isPrivate ? <LockIcon /> : createElement(iconOfStatus[job.status])}
      </Box>
      <Typography color="textSecondary" sx={{ maxWidth: 340 }}>
        {absenceOf(job)}
      </Typography>
    </Box>
  );
};
