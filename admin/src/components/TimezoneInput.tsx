import { AutocompleteInput, required } from "react-admin";

const zones = ["UTC", ...Intl.supportedValuesOf("timeZone")].map((id) => ({
  id,
  name: id.replaceAll("_", " "),
}));

export const TimezoneInput = ({ helperText }: { helperText?: string }) => (
  <AutocompleteInput
    source="timezone"
    choices={zones}
    defaultValue="UTC"
    validate={required()}
    {...(helperText === undefined ? {} : { helperText })}
  />
);
