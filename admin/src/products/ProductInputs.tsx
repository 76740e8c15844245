import Box from "@mui/material/Box";
import {
  BooleanInput,
  maxLength,
  maxValue,
  minValue,
  NumberInput,
  required,
  SelectInput,
  TextInput,
} from "react-admin";

import { PictureInput } from "../components/PictureInput.tsx";
import { SuggestInput, TagsInput } from "../components/SuggestInput.tsx";
import { useCategories } from "../components/useLookups.ts";
import { PriceInput } from "./PriceInput.tsx";

export const ProductInputs = () => {
  const { categories } = useCategories();
  return (
    <Box
      sx={{
        width: "100%",
        display: "grid",
        gap: { xs: 3, md: 5 },
        gridTemplateColumns: { xs: "minmax(0,1fr)", md: "300px minmax(0,1fr)" },
        alignItems: "start",
      }}
    >
      <Box>
        <PictureInput source="imageKey" />
        <Box sx={{ mt: 2 }}>
          <BooleanInput
            source="active"
            defaultValue={true}
            helperText="products.active_hint"
          />
        </Box>
      </Box>
      <Box
        sx={{
          display: "grid",
          columnGap: 2,
          gridTemplateColumns: {
            xs: "minmax(0,1fr)",
            sm: "repeat(2, minmax(0,1fr))",
          },
          alignItems: "start",
        }}
      >
        <Box sx={{ gridColumn: "1 / -1" }}>
          <TextInput source="name" validate={[required(), maxLength(200)]} />
        </Box>
        <TextInput
          source="sku"
          validate={[required(), maxLength(64)]}
          helperText="products.sku_hint"
        />
        <SelectInput
          source="categoryCode"
          choices={categories.filter((category) => category.active)}
          optionValue="code"
          optionText="label"
          validate={required()}
        />
        <SuggestInput source="brandLabel" maxLength={100} />
        <SuggestInput source="color" maxLength={60} />
        <SuggestInput source="gender" maxLength={40} />
        <SuggestInput source="usage" maxLength={60} />
        <SuggestInput source="season" maxLength={40} />
        <NumberInput
          source="year"
          validate={[minValue(1900), maxValue(2100)]}
          helperText={false}
        />
        <Box sx={{ gridColumn: "1 / -1" }}>
          <PriceInput />
        </Box>
        <Box sx={{ gridColumn: "1 / -1", mt: 1 }}>
          <TagsInput source="tags" helperText="products.tags_hint" />
        </Box>
      </Box>
    </Box>
  );
};
