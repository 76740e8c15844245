import TextField, { type TextFieldProps } from "@mui/material/TextField";

/** A select whose name is read aloud but not shown, because a heading says it. */
export const PlainSelect = ({
  name,
  onSelect,
  ...props
}: Omit<
  TextFieldProps,
  "name" | "onChange" | "onSelect" | "slotProps" | "select"
> & {
  name: string;
  onSelect: (value: string) => void;
}) => (
  <TextField
    {...props}
    select
    onChange={(event) => onSelect(event.target.value)}
    slotProps={{
      select: {
        displayEmpty: true,
        SelectDisplayProps: { "aria-label": name },
      },
    }}
  />
);
