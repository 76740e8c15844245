import CancelIcon from "@mui/icons-material/CancelOutlined";
import ReplayIcon from "@mui/icons-material/ReplayOutlined";
import UndoIcon from "@mui/icons-material/UndoOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ComponentType } from "react";
import { createElement, useId, useState } from "react";
import { LinkBase, useDataProvider, useTranslate } from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { useCategories } from "../components/useLookups.ts";
import type { AppDataProvider } from "../dataProvider.ts";
import { formatCount } from "../format.ts";
import { useSession } from "../useSession.ts";
import { actionsOf, type JobAction } from "./jobRights.ts";
import { LedgerEntries } from "./LedgerEntries.tsx";
import type { LedgerEntry, TryonJob } from "./types.ts";
import { useJobScope } from "./useJobScope.ts";
import { useLedger } from "./useLedger.ts";
import { useWallet } from "./useWallet.ts";

const icons: Readonly<Record<JobAction, ComponentType>> = {
  cancel: CancelIcon,
  retry: ReplayIcon,
  refund: UndoIcon,
};

const MIN_REASON = 10;
const MAX_REASON = 500;

/** Whose wallet a job touches, in the words of whoever looks. */
export const useWalletName = () => {
  const translate = useTranslate();
  const { eyes } = useJobScope();
  return (job: Pick<TryonJob, "payer">) =>
    translate(`tryons.wallet.${eyes}.${job.payer}`);
};

/** What will happen to the credits, said before. */
const useConsequence = (job: TryonJob) => {
  const translate = useTranslate();
  const { eyes } = useJobScope();
  const { categories } = useCategories();
  const { wallet } = useWallet();
  const nameOf = useWalletName();
  const credits = (count: number) =>
    translate("tryons.credits", {
      smart_count: count,
      count: formatCount(count),
    });
  const price =
    categories.find(({ code }) => code === job.categoryCode)?.tryonCost ??
    job.cost;
  return (action: JobAction): string => {
    if (job.payer === "pro") return translate(`tryons.${action}.pro`);
    const words = {
      credits: credits(action === "retry" ? price : job.cost),
      wallet: nameOf(job),
    };
    if (action === "retry" && eyes === "staff") {
      return translate("tryons.retry.staff", words);
    }
    const said = translate(`tryons.${action}.credits`, words);
    return action === "retry" && wallet !== null
      ? `${said} ${translate("tryons.left_now", { credits: credits(wallet.remaining) })}`
      : said;
  };
};

type Done = { jobId: string; entries: LedgerEntry[] };

const ActionDialog = ({
  action,
  job,
  onClose,
}: {
  action: JobAction;
  job: TryonJob;
  onClose: () => void;
}) => {
  const translate = useTranslate();
  const title = useId();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const { jobs } = useJobScope();
  const { read } = useLedger(job.id);
  const consequenceOf = useConsequence(job);
  const nameOf = useWalletName();
  const [reason, setReason] = useState("");
  const said = reason.trim();
  const isMissing = action === "refund" && said.length < MIN_REASON;

  const { mutate, isPending, error, data } = useMutation({
    mutationFn: async (): Promise<Done> => {
      const before = await read(job.id);
      const known = new Set(before.entries.map(({ id }) => id));
      const { result } = await dataProvider.mutate<{ result: string }>(
        `${action}Tryon`,
        { jobId: job.id, ...(action === "refund" ? { reason: said } : {}) },
        "result",
      );
      const jobId = action === "retry" ? result : job.id;
      const after = await read(jobId);
      return {
        jobId,
        entries: after.entries.filter(({ id }) => !known.has(id)),
      };
    },
    // Whatever it came to, the page may stand otherwise now: somebody else was
    // quicker, or it is done.
    onSettled: () => void client.invalidateQueries(),
  });
  const fault = error === null ? null : errorSentence(error);

  return (
    <Dialog
      open
      onClose={isPending ? undefined : onClose}
      fullWidth
      maxWidth="sm"
      aria-labelledby={title}
    >
      <DialogTitle id={title}>
        {translate(
          data === undefined
            ? `tryons.${action}.title`
            : `tryons.${action}.done`,
        )}
      </DialogTitle>
      <DialogContent>
        {data === undefined ? (
          <>
            <DialogContentText>{consequenceOf(action)}</DialogContentText>
            {action === "refund" && (
              <TextField
                label={translate("tryons.refund.reason")}
                helperText={translate("tryons.refund.reason_hint", {
                  left: MAX_REASON - said.length,
                })}
                value={reason}
                onChange={(event) => setReason(event.target.value)}
                autoFocus
                fullWidth
                multiline
                minRows={2}
                sx={{ mt: 2 }}
                slotProps={{ htmlInput: { maxLength: MAX_REASON } }}
              />
            )}
            {fault !== null && (
              <Alert severity="error" role="alert" sx={{ mt: 2 }}>
                {translate(fault.message, { _: fault.message })}
                {fault.hint !== "" && `. ${fault.hint}.`}
              </Alert>
            )}
          </>
        ) : data.entries.length === 0 ? (
          <DialogContentText>
            {translate("tryons.no_new_entries")}
          </DialogContentText>
        ) : (
          <>
            <Typography variant="body2" color="textSecondary">
              {translate("tryons.new_entries")}
            </Typography>
            <LedgerEntries entries={data.entries} wallet={nameOf(job)} />
          </>
        )}
      </DialogContent>
      <DialogActions>
        {data === undefined ? (
          <>
            <Button onClick={onClose} disabled={isPending}>
              {translate(action === "cancel" ? "tryons.keep" : "app.cancel")}
            </Button>
            <Button
              variant="contained"
              color={action === "cancel" ? "error" : "primary"}
              disabled={isPending || isMissing}
              onClick={() => mutate()}
            >
              {translate(`tryons.${action}.button`)}
            </Button>
          </>
        ) : (
          <>
            {action === "retry" && (
              <Button
                component={LinkBase}
                to={`/${jobs}/${data.jobId}/show`}
                onClick={onClose}
              >
                {translate("tryons.retry.open")}
              </Button>
            )}
            <Button variant="contained" onClick={onClose} autoFocus>
              {translate("app.close")}
            </Button>
          </>
        )}
      </DialogActions>
    </Dialog>
  );
};

/** What can be done with a job, in one place. */
export const JobActions = ({ job }: { job: TryonJob }) => {
  const translate = useTranslate();
  const scope = useJobScope();
  const { can } = useSession();
  const { ledger } = useLedger(job.id);
  const [open, setOpen] = useState<JobAction | null>(null);
  const actions = actionsOf(job, ledger, scope, can);
  return (
    <>
      {actions.length > 0 && (
        <Box sx={{ display: "flex", gap: 1, flexWrap: "wrap" }}>
          {actions.map((action) => (
            <Button
              key={action}
              variant={action === "retry" ? "contained" : "outlined"}
              color={action === "cancel" ? "error" : "primary"}
              startIcon={createElement(icons[action])}
              onClick={() => setOpen(action)}
            >
              {translate(`tryons.${action}.button`)}
            </Button>
          ))}
        </Box>
      )}
      {open !== null && (
        <ActionDialog action={open} job={job} onClose={() => setOpen(null)} />
      )}
    </>
  );
};
