import Box from "@mui/material/Box";
import {
  BooleanInput,
  maxLength,
  minValue,
  NumberInput,
  regex,
  required,
  SelectInput,
  TextInput,
} from "react-admin";

import { TimezoneInput } from "../components/TimezoneInput.tsx";
import { useSession } from "../useSession.ts";
import { useBrandStatusChoices } from "./BrandList.tsx";

/** Staff set everything; managers name and time zone; owners the privacy floor too. */
export const BrandInputs = ({ creating = false }: { creating?: boolean }) => {
  const { session } = useSession();
  const isStaff = session.staffRole !== null && session.brand === null;
  const statuses = useBrandStatusChoices();
  return (
    <Box sx={{ width: "100%", maxWidth: 620, display: "grid", gap: 0.5 }}>
      <TextInput source="name" validate={[required(), maxLength(120)]} />
      {isStaff && (
        <TextInput
          source="slug"
          validate={[
            required(),
            maxLength(63),
            regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "brands.slug_invalid"),
          ]}
          helperText="brands.slug_hint"
        />
      )}
      <TimezoneInput helperText="brands.timezone_hint" />
      {isStaff && !creating && (
        <SelectInput source="status" choices={statuses} validate={required()} />
      )}
      {(isStaff || session.role === "brand_owner") && (
        <NumberInput
          source="kMin"
          defaultValue={11}
          min={11}
          validate={[required(), minValue(11)]}
          helperText="brands.k_min_hint"
        />
      )}
      {isStaff && (
        <>
          <BooleanInput
            source="datasetAccess"
            defaultValue={false}
            helperText={false}
          />
          <BooleanInput
            source="customModelTraining"
            defaultValue={false}
            helperText={false}
          />
        </>
      )}
    </Box>
  );
};
