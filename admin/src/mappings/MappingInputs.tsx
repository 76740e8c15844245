import Box from "@mui/material/Box";
import { maxLength, required, SelectInput, TextInput } from "react-admin";

import { useCategories } from "../components/useLookups.ts";

export const MappingInputs = () => {
  const { categories } = useCategories();
  return (
    <Box sx={{ width: "100%", maxWidth: 480 }}>
      <TextInput
        source="label"
        validate={[required(), maxLength(100)]}
        helperText="mappings.label_hint"
      />
      <SelectInput
        source="categoryCode"
        choices={categories}
        optionValue="code"
        optionText="label"
        emptyText="mappings.leave_out"
        parse={(value: string) => value || null}
        helperText="mappings.category_hint"
      />
    </Box>
  );
};
