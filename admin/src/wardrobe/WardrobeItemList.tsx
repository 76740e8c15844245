import AddIcon from "@mui/icons-material/Add";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import {
  CreateButton,
  LinkBase,
  SearchInput,
  SelectInput,
  SortButton,
  useListContext,
  useTranslate,
} from "react-admin";

import { EmptyState } from "../components/EmptyState.tsx";
import { GarmentImage } from "../components/GarmentImage.tsx";
import { ListFrame } from "../components/ListFrame.tsx";
import { ListTools } from "../components/ListTools.tsx";
import { useCategories } from "../components/useLookups.ts";
import { TableImportLink } from "../imports/ImportLink.tsx";
import type { WardrobeItem } from "./types.ts";

const CategoryFilter = (props: { source: string; alwaysOn?: boolean }) => {
  const { categories } = useCategories();
  return (
    <SelectInput
      {...props}
      choices={categories}
      optionValue="code"
      optionText="label"
      sx={{ minWidth: { xs: "100%", sm: 160 } }}
    />
  );
};

const Closet = () => {
  const { data, isPending } = useListContext<WardrobeItem>();
  const translate = useTranslate();
  const { labelOf } = useCategories();
  return (
    <Box
      component="ul"
      sx={{
        listStyle: "none",
        m: 0,
        p: { xs: 2, md: 2.5 },
        display: "grid",
        gap: 2.5,
        gridTemplateColumns: {
          xs: "repeat(2, minmax(0,1fr))",
          sm: "repeat(3, minmax(0,1fr))",
          lg: "repeat(5, minmax(0,1fr))",
        },
      }}
    >
      {isPending
        ? Array.from({ length: 10 }, (_item, index) => (
            <li key={index}>
              <Skeleton
                variant="rounded"
                sx={{ height: "auto", aspectRatio: "1", borderRadius: "12px" }}
              />
              <Skeleton sx={{ mt: 1 }} />
            </li>
          ))
        : data?.map((item) => (
            <li key={item.id}>
              <Box
                component={LinkBase}
                to={`/wardrobe_items/${item.id}/show`}
                sx={{
                  display: "block",
                  color: "inherit",
                  textDecoration: "none",
                  borderRadius: "12px",
                }}
              >
                <GarmentImage record={item} />
                <Typography
                  variant="subtitle2"
                  component="div"
                  sx={{ mt: 1.25, overflowWrap: "anywhere" }}
                >
                  {item.name}
                </Typography>
                <Typography variant="caption" color="textSecondary">
                  {[item.brandLabel, labelOf(item.categoryCode)]
                    .filter(Boolean)
                    .join(" · ")}
                  {item.usageCount > 0 &&
                    ` · ${translate("wardrobe.worn", { smart_count: item.usageCount })}`}
                </Typography>
              </Box>
            </li>
          ))}
    </Box>
  );
};

/** What was taken out stays for the try-ons that show it. */
const KEPT = { "deletedAt@isNull": true };

const WardrobeActions = () => (
  <ListTools filter={KEPT}>
    <SortButton fields={["createdAt", "name"]} />
    <TableImportLink table="wardrobe_items" />
    <CreateButton variant="contained" label="wardrobe.add" />
  </ListTools>
);

const WardrobeEmpty = () => {
  const translate = useTranslate();
  return (
    <EmptyState
      category="dresses"
      color="rose"
      title={translate("wardrobe.empty_title")}
      body={translate("wardrobe.empty_body")}
      action={
        <>
          <Button
            variant="contained"
            component={LinkBase}
            to="/wardrobe_items/create"
            startIcon={<AddIcon />}
          >
            {translate("wardrobe.add")}
          </Button>
          <Button variant="outlined" component={LinkBase} to="/products">
            {translate("wardrobe.discover")}
          </Button>
        </>
      }
    />
  );
};

export const WardrobeItemList = () => {
  const translate = useTranslate();
  return (
    <ListFrame
      category="dresses"
      actions={<WardrobeActions />}
      empty={<WardrobeEmpty />}
      filter={KEPT}
      sort={{ field: "createdAt", order: "DESC" }}
      filters={[
        <SearchInput
          key="q"
          source="q"
          alwaysOn
          placeholder={translate("wardrobe.search")}
          sx={{ minWidth: { xs: "100%", sm: 260 } }}
        />,
        <CategoryFilter key="categoryCode" source="categoryCode" alwaysOn />,
      ]}
    >
      <Closet />
    </ListFrame>
  );
};
