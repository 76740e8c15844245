import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import type { ReactNode } from "react";
import { Fragment, useId, useState } from "react";
import type { EditProps } from "react-admin";
import { Edit, useEditContext, useNotify, useTranslate } from "react-admin";

type ServerError = Error & {
  body?: { code?: string; errors?: Record<string, unknown> };
};

export const codeOf = (error: unknown): string =>
  (error as ServerError | null)?.body?.code ?? "";

const StaleDialog = ({
  open,
  onClose,
  onReload,
}: {
  open: boolean;
  onClose: () => void;
  onReload: () => void;
}) => {
  const translate = useTranslate();
  const { refetch } = useEditContext();
  const title = useId();
  return (
    <Dialog open={open} onClose={onClose} aria-labelledby={title}>
      <DialogTitle id={title}>{translate("stale.title")}</DialogTitle>
      <DialogContent>
        <DialogContentText>{translate("stale.body")}</DialogContentText>
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{translate("stale.keep")}</Button>
        <Button
          variant="contained"
          onClick={() => {
            void refetch().then(() => {
              onReload();
              onClose();
            });
          }}
        >
          {translate("stale.reload")}
        </Button>
      </DialogActions>
    </Dialog>
  );
};

/**
 * An edit page that waits for the server and takes its refusal seriously: a
 * record somebody else saved first is never overwritten silently.
 */
export const RecordEdit = ({
  children,
  mutationOptions,
  ...props
}: EditProps & { children: ReactNode }) => {
  const notify = useNotify();
  const [stale, setStale] = useState(false);
  const [version, setVersion] = useState(0);
  return (
    <Edit
      mutationMode="pessimistic"
      redirect="show"
      {...props}
      mutationOptions={{
        ...mutationOptions,
        onError: (error: unknown) => {
          if (codeOf(error) === "STALE") {
            setStale(true);
            return;
          }
          // Field errors stand at their fields; the sentence is said aloud too.
          notify(error instanceof Error ? error.message : String(error), {
            type: "error",
          });
        },
      }}
    >
      {/* A reloaded record starts a fresh form. */}
      <Fragment key={version}>{children}</Fragment>
      <StaleDialog
        open={stale}
        onClose={() => setStale(false)}
        onReload={() => setVersion(version + 1)}
      />
    </Edit>
  );
};
