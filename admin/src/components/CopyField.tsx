import CheckIcon from "@mui/icons-material/Check";
import ContentCopyIcon from "@mui/icons-material/ContentCopy";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import TextField from "@mui/material/TextField";
import { useRef, useState } from "react";
import { useTranslate } from "react-admin";

/** A link that is shown once: readable, selectable and one click to copy. */
export const CopyField = ({
  label,
  value,
}: {
  label: string;
  value: string;
}) => {
  const translate = useTranslate();
  const input = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState(false);
  const copy = () => {
    input.current?.select();
    navigator.clipboard.writeText(value).then(
      () => setCopied(true),
      // Without permission the text stays selected, ready for the keyboard.
      () => setCopied(false),
    );
  };
  return (
    <Box sx={{ display: "flex", gap: 1, alignItems: "center" }}>
      <TextField
        label={label}
        value={value}
        inputRef={input}
        onFocus={(event) => event.target.select()}
        slotProps={{ htmlInput: { readOnly: true } }}
      />
      <Button
        variant="contained"
        onClick={copy}
        startIcon={copied ? <CheckIcon /> : <ContentCopyIcon />}
        sx={{ flexShrink: 0, mt: 0.5 }}
      >
        <span aria-live="polite">
          {translate(copied ? "app.copied" : "app.copy")}
        </span>
      </Button>
    </Box>
  );
};
