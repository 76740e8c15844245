import Box from "@mui/material/Box";
import { maxLength, required, SelectInput, TextInput } from "react-admin";

import { PictureInput } from "../components/PictureInput.tsx";
import { TagsInput } from "../components/SuggestInput.tsx";
import { useCategories } from "../components/useLookups.ts";

export const WardrobeItemInputs = () => {
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
      <PictureInput source="imageKey" />
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
        <SelectInput
          source="categoryCode"
          choices={categories.filter((category) => category.active)}
          optionValue="code"
          optionText="label"
          validate={required()}
        />
        <TextInput
          source="color"
          validate={maxLength(60)}
          parse={(value: string) => value || null}
        />
        <TextInput
          source="brandLabel"
          validate={maxLength(100)}
          parse={(value: string) => value || null}
        />
        <Box sx={{ gridColumn: "1 / -1", display: "grid", gap: 1, mt: 1 }}>
          <TagsInput source="colorTags" />
          <TagsInput source="aiTags" helperText="products.tags_hint" />
        </Box>
      </Box>
    </Box>
  );
};
