import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import { LinkBase, useListContext } from "react-admin";

import { GarmentImage } from "../components/GarmentImage.tsx";
import { Money } from "../components/Money.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import { useCategories } from "../components/useLookups.ts";
import type { Product } from "./types.ts";

const grid = {
  display: "grid",
  gridTemplateColumns: {
    xs: "repeat(2, minmax(0, 1fr))",
    sm: "repeat(3, minmax(0, 1fr))",
    lg: "repeat(5, minmax(0, 1fr))",
  },
  gap: { xs: 2, md: 2.5 },
  p: { xs: 2, md: 2.5 },
};

export const ProductCard = ({ record }: { record: Product }) => {
  const { labelOf } = useCategories();
  return (
    <Box
      component={LinkBase}
      to={`/products/${record.id}/show`}
      sx={{
        display: "block",
        color: "inherit",
        textDecoration: "none",
        borderRadius: "12px",
        "& img": { transition: "transform .25s" },
        "&:hover img": { transform: "scale(1.02)" },
      }}
    >
      <Box sx={{ position: "relative" }}>
        <GarmentImage record={record} />
        {!record.active && (
          <Box sx={{ position: "absolute", top: 8, left: 8 }}>
            <StatusChip tone="quiet" label="products.hidden" />
          </Box>
        )}
      </Box>
      <Typography
        variant="subtitle2"
        component="div"
        sx={{
          mt: 1.25,
          display: "-webkit-box",
          WebkitBoxOrient: "vertical",
          WebkitLineClamp: "2",
          overflow: "hidden",
          overflowWrap: "anywhere",
        }}
      >
        {record.name}
      </Typography>
      <Box sx={{ display: "flex", justifyContent: "space-between", gap: 1 }}>
        <Typography variant="caption" color="textSecondary">
          {[labelOf(record.categoryCode), record.color]
            .filter(Boolean)
            .join(" · ")}
        </Typography>
        {record.priceMinor !== null && (
          <Typography variant="caption" sx={{ fontWeight: 600 }}>
            <Money minor={record.priceMinor} currency={record.currency} />
          </Typography>
        )}
      </Box>
    </Box>
  );
};

export const ProductGallery = () => {
  const { data, isPending } = useListContext<Product>();
  return (
    <Box sx={grid}>
      {isPending
        ? Array.from({ length: 10 }, (_item, index) => (
            <Box key={index}>
              <Skeleton
                variant="rounded"
                sx={{ aspectRatio: "1", height: "auto", borderRadius: "12px" }}
              />
              <Skeleton width="80%" sx={{ mt: 1.25 }} />
              <Skeleton width="50%" />
            </Box>
          ))
        : data?.map((record) => (
            <ProductCard key={record.id} record={record} />
          ))}
    </Box>
  );
};
