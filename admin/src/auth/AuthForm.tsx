import VisibilityOffIcon from "@mui/icons-material/VisibilityOffOutlined";
import VisibilityIcon from "@mui/icons-material/VisibilityOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import IconButton from "@mui/material/IconButton";
import InputAdornment from "@mui/material/InputAdornment";
import TextField from "@mui/material/TextField";
import type { FormEvent, ReactNode } from "react";
import { useState } from "react";
import { useTranslate } from "react-admin";

/** What went wrong, in the server's own words where it said any. */
export const errorSentence = (
  error: unknown,
): { message: string; hint: string } => {
  const message = error instanceof Error ? error.message : String(error);
  const body =
    typeof error === "object" && error !== null && "body" in error
      ? (error.body as { hint?: unknown } | null)
      : null;
  return {
    message,
    hint: typeof body?.hint === "string" ? body.hint : "",
  };
};

export const AuthForm = ({
  onSubmit,
  submitLabel,
  children,
  footer,
}: {
  onSubmit: () => Promise<void>;
  submitLabel: string;
  children: ReactNode;
  footer?: ReactNode;
}) => {
  const translate = useTranslate();
  const [error, setError] = useState<{ message: string; hint: string } | null>(
    null,
  );
  const [busy, setBusy] = useState(false);

  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    onSubmit()
      .catch((reason: unknown) => setError(errorSentence(reason)))
      .finally(() => setBusy(false));
  };

  return (
    <Box component="form" onSubmit={submit} noValidate={false}>
      {error && (
        <Alert severity="error" role="alert" sx={{ mb: 2 }}>
          {translate(error.message, { _: error.message })}
          {error.hint !== "" && ` ${error.hint}`}
        </Alert>
      )}
      <Box sx={{ display: "flex", flexDirection: "column", gap: 1.5 }}>
        {children}
        <Button
          type="submit"
          variant="contained"
          size="large"
          disabled={busy}
          aria-busy={busy}
          sx={{ mt: 1, minHeight: 46 }}
        >
          {submitLabel}
        </Button>
      </Box>
      {footer}
    </Box>
  );
};

export const PasswordField = ({
  label,
  value,
  onChange,
  autoComplete,
  minLength,
}: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  autoComplete: "current-password" | "new-password";
  minLength?: number;
}) => {
  const translate = useTranslate();
  const [visible, setVisible] = useState(false);
  return (
    <TextField
      label={label}
      name="password"
      type={visible ? "text" : "password"}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      autoComplete={autoComplete}
      required
      size="medium"
      slotProps={{
        htmlInput: minLength === undefined ? {} : { minLength },
        input: {
          endAdornment: (
            <InputAdornment position="end">
              <IconButton
                edge="end"
                onClick={() => setVisible(!visible)}
                aria-label={translate(
                  visible ? "auth.hide_password" : "auth.show_password",
                )}
                aria-pressed={visible}
              >
                {visible ? <VisibilityOffIcon /> : <VisibilityIcon />}
              </IconButton>
            </InputAdornment>
          ),
        },
      }}
    />
  );
};
