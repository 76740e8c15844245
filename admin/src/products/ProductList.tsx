import AddIcon from "@mui/icons-material/Add";
import GridViewIcon from "@mui/icons-material/GridViewOutlined";
import TableRowsIcon from "@mui/icons-material/TableRowsOutlined";
import UploadFileIcon from "@mui/icons-material/UploadFileOutlined";
import VisibilityOffIcon from "@mui/icons-material/VisibilityOffOutlined";
import VisibilityIcon from "@mui/icons-material/VisibilityOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Tooltip from "@mui/material/Tooltip";
import Typography from "@mui/material/Typography";
import {
  BulkUpdateButton,
  DataTable,
  LinkBase,
  useStore,
  useTranslate,
} from "react-admin";

import { useCatalogResource } from "../catalog/CatalogContext.tsx";
import { CatalogList, CatalogToolbar } from "../catalog/GeneratedList.tsx";
import { BulkActions } from "../catalog/list/BulkActions.tsx";
import { ChosenTable } from "../catalog/list/ChosenTable.tsx";
import { useListLayout } from "../catalog/list/useListLayout.ts";
import type { CatalogField } from "../catalog/types.ts";
import { EmptyState } from "../components/EmptyState.tsx";
import { GarmentImage } from "../components/GarmentImage.tsx";
import { useIsPhone } from "../components/ListFrame.tsx";
import { Money } from "../components/Money.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import { useCategories } from "../components/useLookups.ts";
import { useSession } from "../useSession.ts";
import { ProductGallery } from "./ProductGallery.tsx";
import type { Product } from "./types.ts";

type View = "table" | "gallery";

/** What a row, a card and a tile show of a product, whichever columns there are. */
const SHOWN_ALWAYS = [
  "name",
  "sku",
  "brandLabel",
  "categoryCode",
  "color",
  "imageUrl",
  "priceMinor",
  "currency",
  "active",
];

/** The columns before anybody chose others. */
const COLUMNS = [
  "name",
  "sku",
  "categoryCode",
  "color",
  "priceMinor",
  "active",
];

/** Staff see whose product it is; nobody else may read other brands' names. */
const STAFF_COLUMNS = ["name", "brandId", ...COLUMNS.slice(1)];

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

const ProductBulkActions = () => (
  <BulkActions resource={useCatalogResource()}>
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
  </BulkActions>
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

const ProductName = ({ record }: { record: Product }) => (
  <Box sx={{ display: "flex", alignItems: "center", gap: 1.75, minWidth: 240 }}>
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
);

const ProductCards = () => {
  const { labelOf } = useCategories();
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

const ProductRows = ({ columns }: { columns: readonly CatalogField[] }) => {
  const isPhone = useIsPhone();
  const [view] = useView();
  const resource = useCatalogResource();
  const { density } = useListLayout(resource);
  if (view === "gallery") return <ProductGallery />;
  if (isPhone) return <ProductCards />;
  return (
    <ChosenTable
      columns={columns}
      density={density}
      rowClick="show"
      bulkActions={<ProductBulkActions />}
    >
      <DataTable.Col<Product>
        source="name"
        render={(record) => <ProductName record={record} />}
      />
      <DataTable.Col<Product> source="sku" sx={{ whiteSpace: "nowrap" }} />
      <DataTable.Col<Product>
        source="active"
        label="products.status"
        render={(record) => <ProductStatus record={record} />}
      />
    </ChosenTable>
  );
};

export const ProductList = () => {
  const { session } = useSession();
  const isStaff = session.staffRole !== null && session.brand === null;
  const resource = useCatalogResource();
  const shown = isStaff ? STAFF_COLUMNS : COLUMNS;
  const { columns } = useListLayout(resource, shown);
  return (
    <CatalogList
      columns={columns}
      reads={SHOWN_ALWAYS}
      toolbar={
        <CatalogToolbar resource={resource} columns={shown}>
          <ViewToggle />
        </CatalogToolbar>
      }
      empty={<ProductEmpty />}
      picture="hats"
    >
      <ProductRows columns={columns} />
    </CatalogList>
  );
};
