import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useDataProvider, useNotify, useTranslate } from "react-admin";

import { FormDialog } from "../components/FormDialog.tsx";
import { FilterDay } from "../components/ListFilters.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { formatCount } from "../format.ts";
import { isPeriod, startOf } from "../revenue/period.ts";
import type { EventRange } from "./inboxApi.ts";
import { useRangeCount } from "./inboxApi.ts";
import type { EventStatus } from "./types.ts";

/** Puts events back into the inbox and says how many. */
const useReplay = (onDone: () => void) => {
  const notify = useNotify();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  return useMutation({
    mutationFn: async (input: Record<string, unknown>) => {
      const { result } = await dataProvider.mutate<{ result: number }>(
        "replayStripeEvents",
        input,
        "result",
      );
      return result;
    },
    onSuccess: async (count) => {
      notify("inbox.replay.done", {
        type: "info",
        messageArgs: { smart_count: count },
      });
      onDone();
      // What they do is done in a moment, by the worker.
      await client.invalidateQueries({ queryKey: ["stripe_events"] });
    },
  });
};

/** These events once more: what it means is said before. */
export const ReplayDialog = ({
  ids,
  onClose,
  onDone,
}: {
  ids: readonly string[];
  onClose: () => void;
  onDone: () => void;
}) => {
  const translate = useTranslate();
  const { mutate, isPending, error } = useReplay(() => {
    onClose();
    onDone();
  });
  return (
    <FormDialog
      title={translate("inbox.replay.title", { smart_count: ids.length })}
      body={translate("inbox.replay.body")}
      submit={translate("inbox.replay.submit")}
      busy={isPending}
      error={error}
      onSubmit={() => mutate({ eventIds: [...ids] })}
      onClose={onClose}
    >
      {null}
    </FormDialog>
  );
};

const CHOICES: readonly [string, readonly EventStatus[]][] = [
  ["dead", ["dead"]],
  ["not_done", ["dead", "failed"]],
  ["all", []],
];

/** All events of a time, or those of it that came to nothing. */
export const ReplayRangeDialog = ({
  from: firstFrom,
  to: firstTo,
  onClose,
}: {
  from: string;
  to: string;
  onClose: () => void;
}) => {
  const translate = useTranslate();
  const [from, setFrom] = useState(firstFrom);
  const [to, setTo] = useState(firstTo);
  const [choice, setChoice] = useState("dead");
  const statuses = CHOICES.find(([name]) => name === choice)?.[1] ?? [];
  const isValid = isPeriod(from, to);
  const range: EventRange | null = isValid
    ? { from: startOf(from), to: startOf(to), statuses }
    : null;
  const { data: count, isFetching } = useRangeCount(range);
  const { mutate, isPending, error } = useReplay(onClose);
  return (
    <FormDialog
      title={translate("inbox.replay.range_title")}
      body={translate("inbox.replay.range_body")}
      submit={translate("inbox.replay.range_submit", {
        smart_count: count ?? 0,
        count: formatCount(count ?? 0),
      })}
      busy={isPending || isFetching}
      canSubmit={range !== null && count !== undefined && count > 0}
      error={error}
      onSubmit={() =>
        mutate({
          fromTime: range?.from,
          toTime: range?.to,
          statuses: statuses.length === 0 ? null : [...statuses],
        })
      }
      onClose={onClose}
    >
      <Box
        sx={{
          display: "grid",
          gap: 1.5,
          gridTemplateColumns: { xs: "1fr", sm: "1fr 1fr" },
        }}
      >
        <FilterDay
          label={translate("revenue.period.from")}
          value={from}
          onChange={setFrom}
        />
        <FilterDay
          label={translate("revenue.period.until")}
          value={to}
          onChange={setTo}
        />
      </Box>
      <TextField
        select
        label={translate("inbox.replay.which")}
        value={choice}
        margin="none"
        onChange={(event) => setChoice(event.target.value)}
      >
        {CHOICES.map(([name]) => (
          <MenuItem key={name} value={name}>
            {translate(`inbox.replay.choices.${name}`)}
          </MenuItem>
        ))}
      </TextField>
      <Box role="status">
        {!isValid ? (
          <Alert severity="warning">
            {translate("revenue.period.invalid")}
          </Alert>
        ) : (
          <Typography variant="body2" color="textSecondary">
            {count === undefined
              ? translate("inbox.replay.counting")
              : translate("inbox.replay.counted", {
                  smart_count: count,
                  count: formatCount(count),
                })}
          </Typography>
        )}
      </Box>
    </FormDialog>
  );
};
