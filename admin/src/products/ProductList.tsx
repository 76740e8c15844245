import AddIcon from "@mui/icons-material/Add";
import GridViewIcon from "@mui/icons-material/GridViewOutlined";
import TableRowsIcon from "@mui/icons-material/TableRowsOutlined";
import UploadFileIcon from "@mui/icons-material/UploadFileOutlined";
import VisibilityOffIcon from "@mui/icons-material/VisibilityOffOutlined";
import VisibilityIcon from "@mui/icons-material/VisibilityOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Tooltip from "@mui/material/Tooltip";
import Typography from "@mui/material/Typography";
import {
  BulkDeleteButton,
  BulkUpdateButton,
  CreateButton,
  DataTable,
  ExportButton,
  FilterButton,
  LinkBase,
  NullableBooleanInput,
  SearchInput,
  SelectInput,
  TopToolbar,
  useStore,
  useTranslate,
} from "react-admin";

import { EmptyState } from "../components/EmptyState.tsx";
import { csvExporter } from "../components/exportCsv.ts";
import { GarmentImage } from "../components/GarmentImage.tsx";
import { ListFrame, useIsPhone } from "../components/ListFrame.tsx";
import { Money } from "../components/Money.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import { FacetFilter } from "../components/SuggestInput.tsx";
import { useCategories } from "../components/useLookups.ts";
import { PageSkeleton } from "../layout/Layout.tsx";
import { resources } from "../resources.ts";
import { SavedViewsMenu } from "../savedViews/SavedViewsMenu.tsx";
import { useOpeningView } from "../savedViews/useOpeningView.ts";
import { useSession } from "../useSession.ts";
import { ProductGallery } from "./ProductGallery.tsx";
import type { Product } from "./types.ts";

type View = "table" | "gallery";

const useView = (): [View, (view: View) => void] => {
  const [view, setView] = useStore<View>("products.view", "table");
  return [view, setView];
};

export const ProductStatus = ({ record }: { record: Product }) => (
  <StatusChip
    tone={record.active ? "success" : "quiet"}
    label={record.active ? "products.active" : "products.hidden"}
  />
);

const CategoryFilter = (props: {
  source: string;
  alwaysOn?: boolean;
  label?: string;
}) => {
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

const useProductFilters = () => {
  const { session } = useSession();
  const translate = useTranslate();
  return [
    <SearchInput
      key="q"
      source="q"
      alwaysOn
      placeholder={translate("products.search")}
      sx={{ minWidth: { xs: "100%", sm: 260 } }}
    />,
    <CategoryFilter key="categoryCode" source="categoryCode" alwaysOn />,
    <FacetFilter key="color" source="color" />,
    <FacetFilter key="brandLabel" source="brandLabel" />,
    <FacetFilter key="gender" source="gender" />,
    <FacetFilter key="season" source="season" />,
    <FacetFilter key="usage" source="usage" />,
    ...(session.role === "user"
      ? []
      : [
          <NullableBooleanInput
            key="active"
            source="active"
            sx={{ minWidth: 140 }}
          />,
        ]),
  ];
};

const ViewToggle = () => {
  const translate = useTranslate();
  const [view, setView] = useView();
  return (
    <ToggleButtonGroup
      exclusive
      size="small"
      value={view}
      onChange={(_event, next: View | null) => {
        if (next !== null) setView(next);
      }}
      aria-label={translate("products.view")}
      sx={{ mr: 1 }}
    >
      <ToggleButton value="table" aria-label={translate("products.view_table")}>
        <Tooltip title={translate("products.view_table")}>
          <TableRowsIcon fontSize="small" />
        </Tooltip>
      </ToggleButton>
      <ToggleButton
        value="gallery"
        aria-label={translate("products.view_gallery")}
      >
        <Tooltip title={translate("products.view_gallery")}>
          <GridViewIcon fontSize="small" />
        </Tooltip>
      </ToggleButton>
    </ToggleButtonGroup>
  );
};

const ProductListActions = () => {
  const { can } = useSession();
  return (
    <TopToolbar>
      <ViewToggle />
      <FilterButton />
      <SavedViewsMenu name="products" />
      <ExportButton maxResults={100_000} />
      {can("products", "create") && <CreateButton variant="contained" />}
    </TopToolbar>
  );
};

const ProductBulkActions = () => (
  <>
    <BulkUpdateButton
      label="products.activate"
      icon={<VisibilityIcon />}
      data={{ active: true }}
      mutationMode="pessimistic"
    />
    <BulkUpdateButton
      label="products.deactivate"
      icon={<VisibilityOffIcon />}
      data={{ active: false }}
      mutationMode="pessimistic"
    />
    <BulkDeleteButton mutationMode="pessimistic" />
  </>
);

const ProductEmpty = () => {
  const translate = useTranslate();
  const { can } = useSession();
  const mayWrite = can("products", "create");
  return (
    <EmptyState
      category="jackets"
      color="burgundy"
      title={translate("products.empty_title")}
      body={translate(
        mayWrite ? "products.empty_body" : "products.empty_body_reader",
      )}
      action={
        mayWrite && (
          <>
            <Button
              variant="contained"
              component={LinkBase}
              to="/imports/create"
              startIcon={<UploadFileIcon />}
            >
              {translate("products.empty_import")}
            </Button>
            <Button
              variant="outlined"
              component={LinkBase}
              to="/products/create"
              startIcon={<AddIcon />}
            >
              {translate("products.empty_create")}
            </Button>
          </>
        )
      }
    />
  );
};

/** Staff see whose product it is; nobody else may read other brands' names. */
const useIsStaff = () => {
  const { session } = useSession();
  return session.staffRole !== null && session.brand === null;
};

const ProductTable = () => {
  const isStaff = useIsStaff();
  const { can } = useSession();
  const { labelOf } = useCategories();
  return (
    <DataTable<Product>
      rowClick="show"
      bulkActionButtons={
        can("products", "edit") ? <ProductBulkActions /> : false
      }
    >
      <DataTable.Col<Product>
        source="name"
        render={(record) => (
          <Box
            sx={{
              display: "flex",
              alignItems: "center",
              gap: 1.75,
              minWidth: 240,
            }}
          >
            <GarmentImage record={record} size={52} />
            <Box sx={{ minWidth: 0 }}>
              <RowLink to={`/products/${record.id}/show`}>
                <Typography variant="subtitle2">{record.name}</Typography>
              </RowLink>
              {record.brandLabel && (
                <Typography variant="caption" color="textSecondary">
                  {record.brandLabel}
                </Typography>
              )}
            </Box>
          </Box>
        )}
      />
      {isStaff && (
        <DataTable.Col<Product>
          source="brand.name"
          label="resources.imports.fields.brandId"
          disableSort
        />
      )}
      <DataTable.Col<Product> source="sku" sx={{ whiteSpace: "nowrap" }} />
      <DataTable.Col<Product>
        source="categoryCode"
        render={(record) => labelOf(record.categoryCode)}
      />
      <DataTable.Col<Product> source="color" />
      <DataTable.Col<Product>
        source="tags"
        disableSort
        render={(record) => (
          <Box sx={{ display: "flex", gap: 0.5, alignItems: "center" }}>
            {record.tags.slice(0, 2).map((tag) => (
              <Chip key={tag} label={tag} size="small" variant="outlined" />
            ))}
            {record.tags.length > 2 && (
              <Typography variant="caption" color="textSecondary">
                +{record.tags.length - 2}
              </Typography>
            )}
          </Box>
        )}
      />
      <DataTable.Col<Product>
        source="priceMinor"
        align="right"
        render={(record) => (
          <Money minor={record.priceMinor} currency={record.currency} />
        )}
      />
      <DataTable.Col<Product>
        source="active"
        label="products.status"
        render={(record) => <ProductStatus record={record} />}
      />
    </DataTable>
  );
};

const ProductContent = () => {
  const isPhone = useIsPhone();
  const [view] = useView();
  const { labelOf } = useCategories();
  if (view === "gallery") return <ProductGallery />;
  if (!isPhone) return <ProductTable />;
  return (
    <PhoneList<Product>
      to={(record) => `/products/${record.id}/show`}
      picture={(record) => <GarmentImage record={record} size={56} />}
      primary={(record) => record.name}
      secondary={(record) =>
        [labelOf(record.categoryCode), record.color, record.sku]
          .filter(Boolean)
          .join(" · ")
      }
      aside={(record) =>
        record.active ? (
          record.priceMinor === null ? null : (
            <Typography variant="body2">
              <Money minor={record.priceMinor} currency={record.currency} />
            </Typography>
          )
        ) : (
          <ProductStatus record={record} />
        )
      }
    />
  );
};

export const ProductList = () => {
  const isStaff = useIsStaff();
  const filters = useProductFilters();
  const isOpen = useOpeningView("products", "products");
  if (!isOpen) return <PageSkeleton />;
  return (
    <ListFrame
      queryOptions={
        isStaff
          ? { meta: { columns: [...resources.products.columns, "brand.name"] } }
          : {}
      }
      category="hats"
      filters={filters}
      actions={<ProductListActions />}
      empty={<ProductEmpty />}
      sort={{ field: "createdAt", order: "DESC" }}
      exporter={csvExporter("products", [
        "sku",
        "name",
        "categoryCode",
        "brandLabel",
        "gender",
        "color",
        "season",
        "year",
        "usage",
        "tags",
        "priceMinor",
        "currency",
        "active",
      ])}
    >
      <ProductContent />
    </ListFrame>
  );
};
