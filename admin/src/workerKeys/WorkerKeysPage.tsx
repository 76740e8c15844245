import AddIcon from "@mui/icons-material/Add";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import Skeleton from "@mui/material/Skeleton";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useId, useState } from "react";
import {
  Confirm,
  Title,
  useDataProvider,
  useNotify,
  useTranslate,
} from "react-admin";

import { CopyField } from "../components/CopyField.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { fieldError } from "../components/fieldErrors.ts";
import { FormDialog } from "../components/FormDialog.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { DeniedPage } from "../layout/ErrorPage.tsx";
import { useSession } from "../useSession.ts";

type WorkerKey = {
  rowId: string;
  name: string;
  prefix: string;
  createdAt: string;
  lastUsedAt: string | null;
  revokedAt: string | null;
};

const KEYS = ["worker_keys"];

const KeyOnce = ({
  token,
  onClose,
}: {
  token: string;
  onClose: () => void;
}) => {
  const translate = useTranslate();
  const heading = useId();
  return (
    // Not by a click beside it: the key would be gone for good.
    <Dialog open fullWidth maxWidth="sm" aria-labelledby={heading}>
      <DialogTitle id={heading}>
        {translate("worker_keys.once_title")}
      </DialogTitle>
      <DialogContent>
        <DialogContentText sx={{ mb: 2 }}>
          {translate("worker_keys.once_body")}
        </DialogContentText>
        <CopyField label={translate("worker_keys.key")} value={token} />
      </DialogContent>
      <DialogActions>
        <Button variant="contained" onClick={onClose}>
          {translate("app.close")}
        </Button>
      </DialogActions>
    </Dialog>
  );
};

const CreateDialog = ({ onClose }: { onClose: () => void }) => {
  const translate = useTranslate();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const [name, setName] = useState("");
  const { mutate, isPending, error, data } = useMutation({
    mutationFn: () =>
      dataProvider.mutate<{ result: string }>(
        "createWorkerKey",
        { name: name.trim() },
        "result",
      ),
    onSuccess: () => client.invalidateQueries({ queryKey: KEYS }),
    // Once the dialog is closed nothing keeps the key.
    gcTime: 0,
  });
  if (data) return <KeyOnce token={data.result} onClose={onClose} />;
  return (
    <FormDialog
      title={translate("worker_keys.create_title")}
      body={translate("worker_keys.create_body")}
      submit={translate("worker_keys.submit")}
      busy={isPending}
      canSubmit={name.trim() !== ""}
      error={error}
      onSubmit={() => mutate()}
      onClose={onClose}
    >
      <TextField
        autoFocus
        required
        label={translate("worker_keys.name")}
        value={name}
        onChange={(event) => setName(event.target.value)}
        error={fieldError(error, "name") !== null}
        helperText={
          fieldError(error, "name") ?? translate("worker_keys.name_hint")
        }
        slotProps={{ htmlInput: { maxLength: 40, spellCheck: false } }}
      />
    </FormDialog>
  );
};

const RevokeButton = ({ workerKey }: { workerKey: WorkerKey }) => {
  const translate = useTranslate();
  const notify = useNotify();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const [open, setOpen] = useState(false);
  const { mutate, isPending } = useMutation({
    mutationFn: () =>
      dataProvider.mutate("revokeWorkerKey", { keyId: workerKey.rowId }),
    onSuccess: async () => {
      notify("worker_keys.done", { type: "info" });
      await client.invalidateQueries({ queryKey: KEYS });
    },
    onError: (error) => notify(error.message, { type: "error" }),
    onSettled: () => setOpen(false),
  });
  return (
    <>
      <Button
        size="small"
        color="error"
        onClick={() => setOpen(true)}
        aria-label={translate("worker_keys.revoke_name", {
          name: workerKey.name,
        })}
      >
        {translate("worker_keys.revoke")}
      </Button>
      <Confirm
        isOpen={open}
        loading={isPending}
        title={translate("worker_keys.revoke_title", { name: workerKey.name })}
        content={translate("worker_keys.revoke_body")}
        confirm="worker_keys.revoke"
        confirmColor="warning"
        onClose={() => setOpen(false)}
        onConfirm={() => mutate()}
      />
    </>
  );
};

const KeyRow = ({ workerKey }: { workerKey: WorkerKey }) => {
  const translate = useTranslate();
  const { can } = useSession();
  const isInUse = workerKey.revokedAt === null;
  return (
    <Box
      component="li"
      sx={{
        display: "grid",
        alignItems: "center",
        columnGap: 2,
        rowGap: 0.5,
        gridTemplateColumns: {
          xs: "minmax(0,1fr) auto",
          sm: "minmax(0,2fr) minmax(0,2fr) auto",
        },
        py: 1.5,
        minHeight: 64,
        borderTop: 1,
        borderColor: "divider",
        "&:first-of-type": { borderTop: 0 },
      }}
    >
      <Box sx={{ minWidth: 0, overflowWrap: "anywhere" }}>
        <Typography component="span" variant="subtitle2">
          {workerKey.name}
        </Typography>{" "}
        <StatusChip
          tone={isInUse ? "success" : "quiet"}
          label={`worker_keys.${isInUse ? "in_use" : "revoked"}`}
        />
        <Typography
          component="div"
          variant="caption"
          color="textSecondary"
          sx={{ fontFamily: "monospace" }}
        >
          {workerKey.prefix}…
        </Typography>
      </Box>
      <Typography
        component="div"
        variant="caption"
        color="textSecondary"
        sx={{ gridRow: { xs: 2, sm: 1 }, gridColumn: { xs: 1, sm: 2 } }}
      >
        {translate("worker_keys.last_used")}{" "}
        <RelativeTime value={workerKey.lastUsedAt} />
        <br />
        {workerKey.revokedAt === null ? (
          <>
            {translate("worker_keys.made")}{" "}
            <RelativeTime value={workerKey.createdAt} />
          </>
        ) : (
          <>
            {translate("worker_keys.revoked")}{" "}
            <RelativeTime value={workerKey.revokedAt} />
          </>
        )}
      </Typography>
      {isInUse && can("worker_keys", "delete") ? (
        <RevokeButton workerKey={workerKey} />
      ) : (
        <span />
      )}
    </Box>
  );
};

const useKeys = () => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: KEYS,
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: WorkerKey[] }>(
        "workerKeys",
        {
          first: { type: "Int", value: 200 },
          orderBy: { type: "[WorkerKeyOrderBy!]", value: ["ROW_ID_DESC"] },
        },
        "nodes { rowId name prefix createdAt lastUsedAt revokedAt }",
        { signal },
      );
      // Those in use first, each newest first.
      return [
        ...nodes.filter(({ revokedAt }) => revokedAt === null),
        ...nodes.filter(({ revokedAt }) => revokedAt !== null),
      ];
    },
  });
};

const Keys = () => {
  const translate = useTranslate();
  const { can } = useSession();
  const { data, isPending } = useKeys();
  const [creating, setCreating] = useState(false);
  const mayCreate = can("worker_keys", "create");
  const createButton = (
    <Button
      variant="contained"
      startIcon={<AddIcon />}
      onClick={() => setCreating(true)}
    >
      {translate("worker_keys.create")}
    </Button>
  );
  return (
    <Box sx={{ mt: 1, maxWidth: 980 }}>
      <Title title={translate("worker_keys.title")} />
      <Panel>
        <Box
          sx={{
            display: "flex",
            flexWrap: "wrap",
            gap: 2,
            alignItems: "center",
            justifyContent: "space-between",
            mb: 2,
          }}
        >
          <Typography
            variant="body2"
            color="textSecondary"
            sx={{ flex: 1, minWidth: 240 }}
          >
            {translate("worker_keys.body")}
          </Typography>
          {mayCreate && data !== undefined && data.length > 0 && createButton}
        </Box>
        {isPending ? (
          <Skeleton variant="rounded" height={200} />
        ) : data?.length === 0 ? (
          <EmptyState
            dense
            category="hats"
            color="teal"
            title={translate("worker_keys.empty_title")}
            body={translate(
              mayCreate
                ? "worker_keys.empty_body"
                : "worker_keys.empty_body_reader",
            )}
            action={mayCreate && createButton}
          />
        ) : (
          <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
            {data?.map((workerKey) => (
              <KeyRow key={workerKey.rowId} workerKey={workerKey} />
            ))}
          </Box>
        )}
      </Panel>
      {creating && <CreateDialog onClose={() => setCreating(false)} />}
    </Box>
  );
};

/** The keys GPU services take try-ons with. */
export const WorkerKeysPage = () => {
  const { can } = useSession();
  return can("worker_keys", "list") ? <Keys /> : <DeniedPage />;
};
