import AccessibilityIcon from "@mui/icons-material/AccessibilityNewOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import Typography from "@mui/material/Typography";
import {
  EditButton,
  LinkBase,
  ShowBase,
  TopToolbar,
  useRecordContext,
  useTranslate,
} from "react-admin";

import { RowActions } from "../catalog/actions/RowActions.tsx";
import { useCatalogResource } from "../catalog/CatalogContext.tsx";
import { RecordTitle } from "../catalog/GeneratedEdit.tsx";
import { ShowTabs } from "../catalog/GeneratedShow.tsx";
import { Facts } from "../components/Facts.tsx";
import { GarmentImage } from "../components/GarmentImage.tsx";
import { Money } from "../components/Money.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { useCategories } from "../components/useLookups.ts";
import { useJobScope } from "../tryonJobs/useJobScope.ts";
import { useSession } from "../useSession.ts";
import { ProductStatus } from "./ProductList.tsx";
import type { Product } from "./types.ts";

/** Leads to the form with this product chosen. */
const TryOnButton = () => {
  const product = useRecordContext<Product>();
  const translate = useTranslate();
  const { can } = useSession();
  const { jobs } = useJobScope();
  return product === undefined || !can(jobs, "create") ? null : (
    <Button
      component={LinkBase}
      to={`/${jobs}/create?product=${product.id}`}
      startIcon={<AccessibilityIcon />}
    >
      {translate("tryons.home.try_on")}
    </Button>
  );
};

const ProductActions = () => {
  const { can } = useSession();
  return (
    <TopToolbar>
      <TryOnButton />
      <RowActions resource={useCatalogResource()} />
      {can("products", "edit") && <EditButton variant="contained" />}
    </TopToolbar>
  );
};

const ProductDetails = () => {
  const record = useRecordContext<Product>();
  const translate = useTranslate();
  const { categories } = useCategories();
  if (!record) return null;
  const category = categories.find(({ code }) => code === record.categoryCode);
  return (
    <Box
      sx={{
        display: "grid",
        gap: { xs: 3, md: 5 },
        gridTemplateColumns: { xs: "minmax(0,1fr)", md: "380px minmax(0,1fr)" },
        alignItems: "start",
      }}
    >
      <GarmentImage record={record} alt={record.name} />
      <Box>
        <Box sx={{ display: "flex", gap: 1.5, alignItems: "center", mb: 1 }}>
          <ProductStatus record={record} />
          {category && (
            <Typography variant="body2" color="textSecondary">
              {translate(`products.tracking_${category.tracking}`)}
            </Typography>
          )}
        </Box>
        <Typography
          component="h2"
          variant="h2"
          sx={{ mb: 1, overflowWrap: "anywhere" }}
        >
          {record.name}
        </Typography>
        <Typography component="p" sx={{ fontSize: "1.25rem", mb: 3 }}>
          <Money minor={record.priceMinor} currency={record.currency} />
        </Typography>
        <Facts
          facts={[
            ["resources.products.fields.sku", record.sku],
            [
              "resources.products.fields.categoryCode",
              <LinkBase
                key="category"
                to={`/products?filter=${encodeURIComponent(JSON.stringify({ categoryCode: record.categoryCode }))}`}
                style={{ color: "inherit" }}
              >
                {category?.label ?? record.categoryCode}
              </LinkBase>,
            ],
            ["resources.products.fields.brandLabel", record.brandLabel],
            ["resources.products.fields.color", record.color],
            ["resources.products.fields.gender", record.gender],
            [
              "resources.products.fields.season",
              [record.season, record.year].filter(Boolean).join(" "),
            ],
            ["resources.products.fields.usage", record.usage],
            [
              "resources.products.fields.createdAt",
              <RelativeTime key="created" value={record.createdAt} />,
            ],
            [
              "resources.products.fields.updatedAt",
              <RelativeTime key="updated" value={record.updatedAt} />,
            ],
          ]}
        />
        {record.tags.length > 0 && (
          <Box sx={{ display: "flex", gap: 0.75, flexWrap: "wrap", mt: 3 }}>
            {record.tags.map((tag) => (
              <Chip key={tag} label={tag} variant="outlined" size="small" />
            ))}
          </Box>
        )}
      </Box>
    </Box>
  );
};

export const ProductShow = () => {
  const resource = useCatalogResource();
  return (
    <ShowBase>
      <RecordTitle resource={resource} />
      <ProductActions />
      <ShowTabs resource={resource} details={<ProductDetails />} />
    </ShowBase>
  );
};
