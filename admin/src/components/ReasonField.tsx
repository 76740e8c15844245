import TextField from "@mui/material/TextField";
import { useTranslate } from "react-admin";

import { fieldError } from "./fieldErrors.ts";

const MIN_REASON = 10;
const MAX_REASON = 500;

export const isReason = (text: string): boolean =>
  text.trim().length >= MIN_REASON;

/** Why it is done, in words somebody else will read in the audit log. */
export const ReasonField = ({
  value,
  onChange,
  error,
}: {
  value: string;
  onChange: (text: string) => void;
  error: unknown;
}) => {
  const translate = useTranslate();
  const refused = fieldError(error, "reason");
  return (
    <TextField
      required
      multiline
      minRows={2}
      label={translate("wallet.reason")}
      value={value}
      onChange={(event) => onChange(event.target.value)}
      error={refused !== null}
      helperText={refused ?? translate("wallet.reason_hint")}
      slotProps={{ htmlInput: { maxLength: MAX_REASON } }}
    />
  );
};
