import AddIcon from "@mui/icons-material/Add";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { LinkBase, useTranslate } from "react-admin";

import { EmptyState } from "../components/EmptyState.tsx";
import { Figure } from "../components/Figure.tsx";
import { useAggregates } from "../components/useAggregates.ts";
import { CategoryPanel } from "./CategoryPanel.tsx";
import { FigureRow } from "./FigureRow.tsx";
import { NewestProducts } from "./NewestProducts.tsx";
import { TryonFigures } from "./TryonFigures.tsx";

export const ShopperHome = () => {
  const translate = useTranslate();
  const items = useAggregates("wardrobe_items", {
    groupBy: ["categoryCode"],
    filter: { "deletedAt@isNull": true },
  });
  const products = useAggregates("products");
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <FigureRow>
        <Figure
          label={translate("home.items")}
          definition={translate("home.items_definition")}
          to="/wardrobe_items"
          value={items.data?.total}
          isPending={items.isPending}
          detail={
            items.data &&
            translate("home.items_categories", {
              smart_count: items.data.groups.length,
            })
          }
        />
        <Figure
          label={translate("home.discover")}
          definition={translate("home.discover_definition")}
          to="/products"
          value={products.data?.total}
          isPending={products.isPending}
          detail={translate("home.discover_detail")}
        />
        <TryonFigures />
      </FigureRow>
      <CategoryPanel
        resource="wardrobe_items"
        title={translate("home.wardrobe_by_category")}
        empty={
          <EmptyState
            dense
            category="dresses"
            color="rose"
            title={translate("wardrobe.empty_title")}
            body={translate("wardrobe.empty_body")}
            action={
              <Button
                variant="contained"
                component={LinkBase}
                to="/wardrobe_items/create"
                startIcon={<AddIcon />}
              >
                {translate("wardrobe.add")}
              </Button>
            }
          />
        }
      />
      <NewestProducts title={translate("home.new_to_try")} />
    </Box>
  );
};
