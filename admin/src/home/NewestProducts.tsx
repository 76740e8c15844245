import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import { LinkBase, useGetList, useTranslate } from "react-admin";

import { Panel } from "../components/Panel.tsx";
import { ProductCard } from "../products/ProductGallery.tsx";
import type { Product } from "../products/types.ts";

export const NewestProducts = ({ title }: { title: string }) => {
  const translate = useTranslate();
  const { data, isPending } = useGetList<Product>("products", {
    pagination: { page: 1, perPage: 6 },
    sort: { field: "createdAt", order: "DESC" },
    meta: { total: false },
  });
  if (!isPending && (data?.length ?? 0) === 0) return null;
  return (
    <Panel
      title={title}
      action={
        <Link component={LinkBase} to="/products" variant="body2">
          {translate("app.see_all")}
        </Link>
      }
    >
      <Box
        sx={{
          display: "grid",
          gap: 2,
          gridTemplateColumns: {
            xs: "repeat(2, minmax(0,1fr))",
            sm: "repeat(3, minmax(0,1fr))",
            lg: "repeat(6, minmax(0,1fr))",
          },
        }}
      >
        {isPending
          ? Array.from({ length: 6 }, (_item, index) => (
              <Skeleton
                key={index}
                variant="rounded"
                sx={{
                  height: "auto",
                  aspectRatio: "1 / 1.3",
                  borderRadius: "12px",
                }}
              />
            ))
          : data?.map((record) => (
              <ProductCard key={record.id} record={record} />
            ))}
      </Box>
    </Panel>
  );
};
