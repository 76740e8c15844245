import Box from "@mui/material/Box";
import TextField from "@mui/material/TextField";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useDataProvider, useNotify, useTranslate } from "react-admin";

import { fieldError } from "../components/fieldErrors.ts";
import { FormDialog } from "../components/FormDialog.tsx";
import { isReason, ReasonField } from "../components/ReasonField.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { endOfDay } from "./AdjustDialog.tsx";

const dayOf = (moment: Date): string => {
  const two = (part: number) => String(part).padStart(2, "0");
  return `${moment.getFullYear()}-${two(moment.getMonth() + 1)}-${two(moment.getDate())}`;
};

/** Unlimited try-ons for a while: what is asked for within it costs nothing. */
export const ProDialog = ({
  userId,
  name,
  onClose,
}: {
  userId: string;
  name: string;
  onClose: () => void;
}) => {
  const translate = useTranslate();
  const notify = useNotify();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const [today] = useState(() => dayOf(new Date()));
  const [firstDay, setFirstDay] = useState(today);
  const [lastDay, setLastDay] = useState("");
  const [reason, setReason] = useState("");
  const { mutate, isPending, error } = useMutation({
    mutationFn: () =>
      dataProvider.mutate("grantPro", {
        userId,
        // From today means from now on.
        startsAt:
          firstDay === today
            ? new Date().toISOString()
            : new Date(`${firstDay}T00:00:00`).toISOString(),
        endsAt: endOfDay(lastDay),
        reason: reason.trim(),
      }),
    onSuccess: async () => {
      onClose();
      notify("wallet.pro_given", { type: "info" });
      await client.invalidateQueries();
    },
  });
  return (
    <FormDialog
      title={translate("wallet.pro_title", { name })}
      body={translate("wallet.pro_body")}
      submit={translate("wallet.pro_submit")}
      busy={isPending}
      canSubmit={firstDay !== "" && lastDay !== "" && isReason(reason)}
      error={error}
      onSubmit={() => mutate()}
      onClose={onClose}
    >
      <Box
        sx={{
          display: "grid",
          gap: 1.5,
          gridTemplateColumns: { xs: "1fr", sm: "1fr 1fr" },
        }}
      >
        <TextField
          required
          type="date"
          label={translate("wallet.pro_from")}
          value={firstDay}
          onChange={(event) => setFirstDay(event.target.value)}
          error={fieldError(error, "startsAt") !== null}
          helperText={fieldError(error, "startsAt")}
          slotProps={{ inputLabel: { shrink: true } }}
        />
        <TextField
          required
          autoFocus
          type="date"
          label={translate("wallet.pro_until")}
          value={lastDay}
          onChange={(event) => setLastDay(event.target.value)}
          error={fieldError(error, "endsAt") !== null}
          helperText={fieldError(error, "endsAt")}
          slotProps={{ inputLabel: { shrink: true } }}
        />
      </Box>
      <ReasonField value={reason} onChange={setReason} error={error} />
    </FormDialog>
  );
};
