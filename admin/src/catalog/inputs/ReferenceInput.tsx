import Autocomplete from "@mui/material/Autocomplete";
import { useState } from "react";
import type { CommonInputProps } from "react-admin";
import { useInput, useTranslate } from "react-admin";

import { AutocompleteText } from "../../components/AutocompleteText.tsx";
import { useReferenceOptions } from "./useReferenceOptions.ts";

/** One record of another table, found by its name. */
export const ReferenceInput = ({
  reference,
  ...props
}: CommonInputProps & { reference: string }) => {
  const translate = useTranslate();
  const input = useInput(props);
  const { field, id } = input;
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("");
  const value =
    field.value === "" || field.value == null ? null : String(field.value);
  const { options, chosen, isFetching } = useReferenceOptions(reference, {
    text: open ? text : "",
    open,
    ids: value === null ? [] : [value],
  });
  const selected =
    value === null
      ? null
      : (chosen.find((option) => option.id === value) ??
        options.find((option) => option.id === value) ?? {
          id: value,
          label: "…",
        });
  return (
    <Autocomplete
      id={id}
      open={open}
      onOpen={() => setOpen(true)}
      onClose={() => setOpen(false)}
      options={
        selected !== null && !options.some(({ id: one }) => one === selected.id)
          ? [...options, selected]
          : options
      }
      // The server has searched already.
      filterOptions={(found) => found}
      getOptionLabel={(option) => option.label}
      isOptionEqualToValue={(a, b) => a.id === b.id}
      loading={isFetching}
      loadingText={translate("catalog.searching")}
      noOptionsText={translate("catalog.nothing_found")}
      value={selected}
      disabled={props.disabled ?? false}
      onChange={(_event, option) => field.onChange(option?.id ?? null)}
      onInputChange={(_event, next, reason) => {
        if (reason === "input") setText(next);
        if (reason === "reset" || reason === "clear") setText("");
      }}
      renderOption={({ key: _key, ...optionProps }, option) => (
        <li key={option.id} {...optionProps}>
          {option.label}
        </li>
      )}
      renderInput={(params) => (
        <AutocompleteText params={params} input={input} {...props} />
      )}
    />
  );
};
