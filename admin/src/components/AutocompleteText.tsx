import type { AutocompleteRenderInputParams } from "@mui/material/Autocomplete";
import TextField from "@mui/material/TextField";
import type { CommonInputProps, UseInputValue } from "react-admin";
import { FieldTitle, InputHelperText } from "react-admin";

/** The text of an Autocomplete, joined to react-admin's form: label, fault, help. */
export const AutocompleteText = ({
  params,
  input,
  label,
  source,
  resource,
  helperText,
  maxLength,
  hasName = true,
}: Pick<CommonInputProps, "label" | "source" | "resource" | "helperText"> & {
  params: AutocompleteRenderInputParams;
  input: UseInputValue;
  maxLength?: number | undefined;
  /** Off where what is typed is not the value, but only a way to it. */
  hasName?: boolean;
}) => {
  const { field, fieldState, isRequired } = input;
  const error = fieldState.error?.message;
  return (
    <TextField
      {...params}
      {...(hasName ? { name: field.name } : {})}
      inputRef={field.ref}
      onBlur={field.onBlur}
      error={fieldState.invalid}
      label={
        <FieldTitle
          label={label}
          source={source}
          resource={resource}
          isRequired={isRequired}
        />
      }
      helperText={
        fieldState.invalid ? (
          <InputHelperText error={error} />
        ) : helperText === undefined || helperText === false ? undefined : (
          <InputHelperText helperText={helperText} />
        )
      }
      slotProps={{
        ...params.slotProps,
        htmlInput: {
          ...params.slotProps.htmlInput,
          ...(maxLength === undefined ? {} : { maxLength }),
        },
      }}
    />
  );
};
