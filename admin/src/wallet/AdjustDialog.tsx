import TextField from "@mui/material/TextField";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  useDataProvider,
  useLocale,
  useNotify,
  useTranslate,
} from "react-admin";

import { fieldError } from "../components/fieldErrors.ts";
import { FormDialog } from "../components/FormDialog.tsx";
import { randomKey } from "../components/randomKey.ts";
import { isReason, ReasonField } from "../components/ReasonField.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { formatCount } from "../format.ts";
import type { WalletOwner } from "./walletApi.ts";

const MOST = 1_000_000;

/** The last moment of a day, as the person who chose the day has it. */
export const endOfDay = (day: string): string =>
  new Date(`${day}T23:59:59`).toISOString();

/** A new entry in the ledger, with a reason; an old one is never changed. */
export const AdjustDialog = ({
  owner,
  name,
  onClose,
}: {
  owner: WalletOwner;
  name: string;
  onClose: () => void;
}) => {
  const translate = useTranslate();
  const locale = useLocale();
  const notify = useNotify();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const [adds, setAdds] = useState(true);
  const [amount, setAmount] = useState("");
  const [reason, setReason] = useState("");
  const [lastDay, setLastDay] = useState("");
  // One for this dialog: a second click, or a repeat after a lost answer, finds
  // the entry that was made.
  const [idempotencyKey] = useState(randomKey);
  const credits = Number(amount);
  const { mutate, isPending, error } = useMutation({
    mutationFn: () =>
      dataProvider.mutate<{ result: number }>(
        "adjustCredits",
        {
          ...owner,
          amount: adds ? credits : -credits,
          reason: reason.trim(),
          idempotencyKey,
          ...(adds && lastDay !== "" ? { expiresAt: endOfDay(lastDay) } : {}),
        },
        "result",
        { types: { result: "bigint" } },
      ),
    onSuccess: async ({ result }) => {
      onClose();
      notify("wallet.adjusted", {
        type: "info",
        messageArgs: { available: formatCount(result, locale) },
      });
      await client.invalidateQueries();
    },
  });
  const isWhole = /^\d+$/.test(amount) && credits >= 1 && credits <= MOST;
  return (
    <FormDialog
      title={translate("wallet.adjust_title", { name })}
      body={translate("wallet.adjust_body")}
      submit={translate(adds ? "wallet.add" : "wallet.take")}
      busy={isPending}
      canSubmit={isWhole && isReason(reason)}
      error={error}
      onSubmit={() => mutate()}
      onClose={onClose}
    >
      <ToggleButtonGroup
        exclusive
        size="small"
        value={adds}
        onChange={(_event, value: boolean | null) => {
          if (value !== null) setAdds(value);
        }}
        aria-label={translate("wallet.direction")}
      >
        <ToggleButton value={true}>{translate("wallet.add")}</ToggleButton>
        <ToggleButton value={false}>{translate("wallet.take")}</ToggleButton>
      </ToggleButtonGroup>
      <TextField
        autoFocus
        required
        label={translate("wallet.amount")}
        value={amount}
        onChange={(event) => setAmount(event.target.value.trim())}
        error={
          (amount !== "" && !isWhole) || fieldError(error, "amount") !== null
        }
        helperText={
          amount !== "" && !isWhole
            ? translate("wallet.amount_invalid")
            : (fieldError(error, "amount") ?? translate("wallet.amount_hint"))
        }
        slotProps={{ htmlInput: { inputMode: "numeric", maxLength: 7 } }}
      />
      <ReasonField value={reason} onChange={setReason} error={error} />
      {adds && (
        <TextField
          type="date"
          label={translate("wallet.last_day")}
          value={lastDay}
          onChange={(event) => setLastDay(event.target.value)}
          error={fieldError(error, "expiresAt") !== null}
          helperText={
            fieldError(error, "expiresAt") ?? translate("wallet.last_day_hint")
          }
          slotProps={{ inputLabel: { shrink: true } }}
        />
      )}
    </FormDialog>
  );
};
