import ThumbDownIcon from "@mui/icons-material/ThumbDownOutlined";
import ThumbUpIcon from "@mui/icons-material/ThumbUpOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Rating from "@mui/material/Rating";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useDataProvider, useTranslate } from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { Panel } from "../components/Panel.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import type { TryonPage } from "./types.ts";

type Said = { accurate: boolean; rating: number | null };

/** Whether the garment sat where it should, and how much the shopper liked it. */
export const JobRating = ({ job }: { job: TryonPage }) => {
  const translate = useTranslate();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const given = job.feedback ?? null;
  // What was just chosen stands at once; the answer of the server replaces it.
  const [chosen, setChosen] = useState<Said | null>(null);
  const shown = chosen ?? given;
  const { mutate, isPending, error } = useMutation({
    mutationFn: (said: Said) =>
      given === null
        ? dataProvider.mutate(
            "createTryonFeedback",
            { tryonFeedback: { jobId: job.id, ...said } },
            "clientMutationId",
          )
        : dataProvider.mutate(
            "updateTryonFeedback",
            { jobId: job.id, patch: said },
            "clientMutationId",
          ),
    onMutate: (said) => setChosen(said),
    onSettled: async () => {
      await client.invalidateQueries();
      setChosen(null);
    },
  });
  const fault = error === null ? null : errorSentence(error);
  return (
    <Panel title={translate("tryons.rating.title")}>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1.5 }}>
        {translate("tryons.rating.body")}
      </Typography>
      <Box sx={{ display: "flex", flexWrap: "wrap", gap: 2.5 }}>
        <ToggleButtonGroup
          exclusive
          size="small"
          disabled={isPending}
          value={shown?.accurate ?? null}
          onChange={(_event, accurate: boolean | null) => {
            if (accurate !== null) {
              mutate({ accurate, rating: shown?.rating ?? null });
            }
          }}
          aria-label={translate("tryons.rating.accurate")}
        >
          <ToggleButton value sx={{ gap: 0.75, px: 1.5 }}>
            <ThumbUpIcon fontSize="small" />
            {translate("tryons.rating.yes")}
          </ToggleButton>
          <ToggleButton value={false} sx={{ gap: 0.75, px: 1.5 }}>
            <ThumbDownIcon fontSize="small" />
            {translate("tryons.rating.no")}
          </ToggleButton>
        </ToggleButtonGroup>
        {shown !== null && (
          <Box sx={{ display: "flex", alignItems: "center", gap: 1 }}>
            <Typography component="span" variant="body2" id="tryon-stars">
              {translate("tryons.rating.stars")}
            </Typography>
            <Rating
              aria-labelledby="tryon-stars"
              name="rating"
              disabled={isPending}
              value={shown.rating}
              getLabelText={(stars) =>
                translate("tryons.rating.of_five", { smart_count: stars })
              }
              onChange={(_event, rating) =>
                mutate({ accurate: shown.accurate, rating })
              }
            />
          </Box>
        )}
      </Box>
      {fault !== null && (
        <Alert severity="error" role="alert" sx={{ mt: 2 }}>
          {translate(fault.message, { _: fault.message })}
          {fault.hint !== "" && `. ${fault.hint}.`}
        </Alert>
      )}
      {given !== null && fault === null && (
        <Typography
          variant="caption"
          color="textSecondary"
          role="status"
          sx={{ display: "block", mt: 1.5 }}
        >
          {translate("tryons.rating.thanks")}
        </Typography>
      )}
    </Panel>
  );
};
