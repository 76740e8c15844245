import TextField from "@mui/material/TextField";
import { useState } from "react";
import type { CommonInputProps } from "react-admin";
import {
  FieldTitle,
  InputHelperText,
  useInput,
  useTranslate,
} from "react-admin";

import { parseJson } from "./formValues.ts";

const textOf = (value: unknown): string =>
  value === null || value === undefined || value === ""
    ? ""
    : JSON.stringify(value, null, 2);

/** A document as text that must be JSON before it can be saved. */
export const JsonInput = (props: CommonInputProps) => {
  const translate = useTranslate();
  const [text, setText] = useState<string | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const { field, fieldState, id, isRequired } = useInput({
    ...props,
    validate: [
      ...[props.validate ?? []].flat(),
      () => (fault === null ? undefined : "catalog.json_invalid"),
    ],
  });
  const message =
    fault === null
      ? fieldState.error?.message
      : `${translate("catalog.json_invalid")} ${fault}`;
  return (
    <TextField
      id={id}
      inputRef={field.ref}
      name={field.name}
      multiline
      minRows={4}
      maxRows={24}
      value={text ?? textOf(field.value)}
      onChange={(event) => {
        const next = event.target.value;
        setText(next);
        const parsed = parseJson(next);
        setFault(parsed.ok ? null : parsed.fault);
        if (parsed.ok) field.onChange(parsed.value);
      }}
      onBlur={() => {
        // Well-formed text is laid out evenly once it is left.
        if (fault === null) setText(null);
        field.onBlur();
      }}
      error={fault !== null || fieldState.invalid}
      label={
        <FieldTitle
          label={props.label}
          source={props.source}
          isRequired={isRequired}
        />
      }
      helperText={
        fault === null ? (
          <InputHelperText
            error={message}
            helperText={fieldState.invalid ? undefined : props.helperText}
          />
        ) : (
          message
        )
      }
      slotProps={{
        htmlInput: {
          spellCheck: false,
          style: {
            fontFamily: "ui-monospace, SFMono-Regular, Menlo, monospace",
            fontSize: "0.84rem",
          },
        },
      }}
    />
  );
};
