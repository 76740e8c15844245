import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import type { FormEvent, ReactNode } from "react";
import { useId } from "react";
import { useTranslate } from "react-admin";

/** A short form that runs one function, and shows its refusal in its own words. */
export const FormDialog = ({
  title,
  body,
  submit,
  busy,
  canSubmit = true,
  error,
  onSubmit,
  onClose,
  children,
}: {
  title: string;
  body?: string;
  submit: string;
  busy: boolean;
  canSubmit?: boolean;
  error: Error | null;
  onSubmit: () => void;
  onClose: () => void;
  children: ReactNode;
}) => {
  const translate = useTranslate();
  const heading = useId();
  return (
    <Dialog
      open
      onClose={onClose}
      fullWidth
      maxWidth="sm"
      aria-labelledby={heading}
      slotProps={{
        paper: {
          component: "form",
          onSubmit: (event: FormEvent) => {
            event.preventDefault();
            if (!busy && canSubmit) onSubmit();
          },
        },
      }}
    >
      <DialogTitle id={heading}>{title}</DialogTitle>
      <DialogContent>
        {body !== undefined && (
          <DialogContentText sx={{ mb: 1.5 }}>{body}</DialogContentText>
        )}
        {error !== null && (
          <Alert severity="error" role="alert" sx={{ mb: 2 }}>
            {translate(error.message, { _: error.message })}
          </Alert>
        )}
        <Box sx={{ display: "grid", gap: 1.5 }}>{children}</Box>
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{translate("app.cancel")}</Button>
        <Button
          type="submit"
          variant="contained"
          disabled={busy || !canSubmit}
          aria-busy={busy}
        >
          {submit}
        </Button>
      </DialogActions>
    </Dialog>
  );
};
