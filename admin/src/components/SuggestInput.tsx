import Autocomplete from "@mui/material/Autocomplete";
import Chip from "@mui/material/Chip";
import { useState } from "react";
import type { CommonInputProps } from "react-admin";
import { useInput, useResourceContext } from "react-admin";

import { AutocompleteText } from "./AutocompleteText.tsx";
import { useFacet } from "./useFacet.ts";

/** A word that may be new, with the words already in use on offer. */
export const SuggestInput = ({
  maxLength,
  ...props
}: CommonInputProps & { maxLength?: number }) => {
  const resource = useResourceContext(props) ?? "";
  const input = useInput(props);
  const { field, id } = input;
  const [open, setOpen] = useState(false);
  const { facets } = useFacet(resource, props.source, { enabled: open });
  return (
    <Autocomplete
      id={id}
      freeSolo
      autoHighlight={false}
      open={open}
      onOpen={() => setOpen(true)}
      onClose={() => setOpen(false)}
      options={facets.map((facet) => facet.value)}
      inputValue={field.value ?? ""}
      value={field.value || null}
      onInputChange={(_event, text) =>
        field.onChange(text === "" ? null : text)
      }
      renderInput={(params) => (
        <AutocompleteText
          params={params}
          input={input}
          {...props}
          resource={resource}
          maxLength={maxLength}
        />
      )}
    />
  );
};

/** Words as chips: Enter or a comma ends one. */
export const TagsInput = (props: CommonInputProps) => {
  const resource = useResourceContext(props) ?? "";
  const input = useInput({ defaultValue: [], ...props });
  const { field, id } = input;
  const tags: string[] = Array.isArray(field.value) ? field.value : [];
  const [text, setText] = useState("");
  const set = (values: readonly string[]) => {
    const clean = values
      .flatMap((value) => value.split(","))
      .map((value) => value.trim())
      .filter((value) => value !== "");
    field.onChange([...new Set(clean)].slice(0, 50));
  };
  return (
    <Autocomplete
      id={id}
      multiple
      freeSolo
      options={[] as string[]}
      value={tags}
      onChange={(_event, values) => set(values)}
      inputValue={text}
      onInputChange={(_event, next, reason) => {
        if (reason === "input" && next.endsWith(",")) {
          set([...tags, next]);
          setText("");
        } else {
          setText(next);
        }
      }}
      renderValue={(values, getItemProps) =>
        values.map((value, index) => {
          const { key, ...item } = getItemProps({ index });
          return <Chip key={key} size="small" label={value} {...item} />;
        })
      }
      renderInput={(params) => (
        <AutocompleteText
          params={params}
          input={input}
          {...props}
          resource={resource}
          hasName={false}
        />
      )}
    />
  );
};
