import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import { useQuery } from "@tanstack/react-query";
import { useId } from "react";
import {
  LinkBase,
  useDataProvider,
  useRecordContext,
  useTranslate,
} from "react-admin";

import { EmptyState } from "../components/EmptyState.tsx";
import { GarmentImage } from "../components/GarmentImage.tsx";
import { useCategories } from "../components/useLookups.ts";
import type { AppDataProvider } from "../dataProvider.ts";
import { likenessPercent } from "./likeness.ts";
import type { WardrobeItem } from "./types.ts";

const SHOWN = 6;

type SimilarPiece = {
  distance: number;
  item: Pick<WardrobeItem, "name" | "categoryCode" | "color" | "imageUrl"> & {
    rowId: string;
  };
};

/** The item has no vector: a state to explain, and no failure. */
const isWaiting = (error: unknown): boolean =>
  (error as { body?: { code?: unknown } } | null)?.body?.code === "STATE";

const useSimilarPieces = (itemId: string) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    // Below the resource, so that a change of the wardrobe reads it again.
    queryKey: ["wardrobe_items", "similar", itemId],
    queryFn: ({ signal }) =>
      dataProvider.query<SimilarPiece[] | null>(
        "similarItems",
        {
          itemId: { type: "UUID!", value: itemId },
          first: { type: "Int", value: SHOWN },
        },
        "distance item { rowId name categoryCode color imageUrl }",
        { signal },
      ),
    retry: (count, error) => !isWaiting(error) && count < 2,
  });
};

const grid = {
  listStyle: "none",
  m: 0,
  p: 0,
  display: "grid",
  gap: 2,
  gridTemplateColumns: {
    xs: "repeat(2, minmax(0, 1fr))",
    sm: "repeat(3, minmax(0, 1fr))",
    lg: "repeat(6, minmax(0, 1fr))",
  },
};

const PieceCard = ({ piece: { item, distance } }: { piece: SimilarPiece }) => {
  const translate = useTranslate();
  const { labelOf } = useCategories();
  return (
    <Box
      component={LinkBase}
      to={`/wardrobe_items/${item.rowId}/show`}
      sx={{ display: "block", color: "inherit", textDecoration: "none" }}
    >
      <GarmentImage record={item} />
      <Typography
        variant="subtitle2"
        component="div"
        sx={{ mt: 1.25, overflowWrap: "anywhere" }}
      >
        {item.name}
      </Typography>
      <Typography variant="caption" color="textSecondary" component="div">
        {[labelOf(item.categoryCode), item.color].filter(Boolean).join(" · ")}
      </Typography>
      <Typography variant="caption" sx={{ fontWeight: 600 }}>
        {translate("wardrobe.likeness", { percent: likenessPercent(distance) })}
      </Typography>
    </Box>
  );
};

const Pieces = ({ itemId }: { itemId: string }) => {
  const translate = useTranslate();
  const { data, error, isPending, refetch } = useSimilarPieces(itemId);
  if (isPending) {
    return (
      <Box sx={grid}>
        {Array.from({ length: SHOWN }, (_item, index) => (
          <Skeleton
            key={index}
            variant="rounded"
            sx={{ height: "auto", aspectRatio: "1 / 1.3" }}
          />
        ))}
      </Box>
    );
  }
  if (error !== null && !isWaiting(error)) {
    return (
      <Box role="alert">
        <Typography color="textSecondary" gutterBottom>
          {translate("wardrobe.similar_failed")}
        </Typography>
        <Button variant="outlined" onClick={() => void refetch()}>
          {translate("wardrobe.similar_retry")}
        </Button>
      </Box>
    );
  }
  if (error !== null || data === null || data.length === 0) {
    const state = error === null ? "none" : "waiting";
    return (
      <EmptyState
        dense
        category="tops"
        title={translate(`wardrobe.similar_${state}_title`)}
        body={translate(`wardrobe.similar_${state}_body`)}
      />
    );
  }
  return (
    <Box component="ul" sx={grid}>
      {data.map((piece) => (
        <li key={piece.item.rowId}>
          <PieceCard piece={piece} />
        </li>
      ))}
    </Box>
  );
};

/** What else in the wardrobe looks like the garment of this page. */
export const SimilarPieces = () => {
  const record = useRecordContext<WardrobeItem>();
  const translate = useTranslate();
  const heading = useId();
  if (!record) return null;
  return (
    <Box
      component="section"
      aria-labelledby={heading}
      sx={{ p: { xs: 2, md: 3.5 }, borderTop: 1, borderColor: "divider" }}
    >
      <Box
        sx={{
          display: "flex",
          alignItems: "baseline",
          justifyContent: "space-between",
          gap: 2,
          mb: 2,
        }}
      >
        <Typography id={heading} component="h2" variant="h5">
          {translate("wardrobe.similar")}
        </Typography>
        <Typography variant="body2" color="textSecondary">
          {translate("wardrobe.similar_hint")}
        </Typography>
      </Box>
      <Pieces itemId={record.id} />
    </Box>
  );
};
