import UploadFileIcon from "@mui/icons-material/UploadFileOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { LinkBase, useGetList, useTranslate } from "react-admin";

import { EmptyState } from "../components/EmptyState.tsx";
import { Figure } from "../components/Figure.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { useAggregates } from "../components/useAggregates.ts";
import { formatCount } from "../format.ts";
import type { ImportRun } from "../imports/types.ts";
import { useSession } from "../useSession.ts";
import { CategoryPanel, listLink } from "./CategoryPanel.tsx";
import { FigureRow } from "./FigureRow.tsx";
import { NewestProducts } from "./NewestProducts.tsx";
import { TryonFigures } from "./TryonFigures.tsx";

const ProductsFigure = () => {
  const translate = useTranslate();
  const { data, isPending } = useAggregates("products");
  const { data: hidden } = useAggregates("products", {
    filter: { active: false },
  });
  return (
    <Figure
      label={translate("home.products")}
      definition={translate("home.products_definition")}
      to="/products"
      value={data?.total}
      isPending={isPending}
      detail={
        hidden &&
        translate("home.products_hidden", {
          smart_count: hidden.total,
          count: formatCount(hidden.total),
        })
      }
    />
  );
};

const CategoriesFigure = () => {
  const translate = useTranslate();
  const { data, isPending } = useAggregates("products", {
    groupBy: ["categoryCode"],
  });
  const { data: all } = useAggregates("wardrobe_categories");
  return (
    <Figure
      label={translate("home.categories")}
      definition={translate("home.categories_definition")}
      to={listLink("products", {})}
      value={data?.groups.length}
      isPending={isPending}
      detail={all && translate("home.categories_of", { count: all.total })}
    />
  );
};

const MembersFigure = () => {
  const translate = useTranslate();
  const { data, isPending } = useAggregates("members");
  const { data: pending } = useAggregates("invitations", {
    filter: { "acceptedAt@isNull": true },
  });
  return (
    <Figure
      label={translate("home.members")}
      definition={translate("home.members_definition")}
      to="/members"
      value={data?.total}
      isPending={isPending}
      detail={
        pending &&
        translate("home.invitations_open", { smart_count: pending.total })
      }
    />
  );
};

const LastImportFigure = () => {
  const translate = useTranslate();
  const { data, isPending } = useGetList<ImportRun>("imports", {
    pagination: { page: 1, perPage: 1 },
    sort: { field: "createdAt", order: "DESC" },
    meta: { total: false },
  });
  const run = data?.[0];
  return (
    <Figure
      label={translate("home.last_import")}
      definition={translate("home.last_import_definition")}
      to={run ? `/imports/${run.id}/show` : "/imports"}
      value={
        run
          ? run.createdCount + run.updatedCount + run.unchangedCount
          : translate("home.none")
      }
      isPending={isPending}
      detail={
        run ? (
          <>
            {translate("home.import_refused", {
              count: formatCount(run.refusedCount),
            })}
            {" · "}
            <RelativeTime value={run.createdAt} />
          </>
        ) : (
          translate("home.no_import")
        )
      }
    />
  );
};

const NoProducts = () => {
  const translate = useTranslate();
  const { can } = useSession();
  return (
    <EmptyState
      dense
      category="jackets"
      color="burgundy"
      title={translate("products.empty_title")}
      body={translate(
        can("imports", "create")
          ? "products.empty_body"
          : "products.empty_body_reader",
      )}
      action={
        can("imports", "create") && (
          <Button
            variant="contained"
            component={LinkBase}
            to="/imports/create"
            startIcon={<UploadFileIcon />}
          >
            {translate("products.empty_import")}
          </Button>
        )
      }
    />
  );
};

export const BrandHome = () => {
  const translate = useTranslate();
  const { can } = useSession();
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <FigureRow columns={3}>
        <ProductsFigure />
        <CategoriesFigure />
        <MembersFigure />
        {can("imports", "list") && <LastImportFigure />}
        <TryonFigures />
      </FigureRow>
      <CategoryPanel
        resource="products"
        title={translate("home.by_category")}
        empty={<NoProducts />}
      />
      <NewestProducts title={translate("home.newest")} />
    </Box>
  );
};
