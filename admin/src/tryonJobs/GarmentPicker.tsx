import SearchIcon from "@mui/icons-material/Search";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import ButtonBase from "@mui/material/ButtonBase";
import InputAdornment from "@mui/material/InputAdornment";
import Skeleton from "@mui/material/Skeleton";
import Tab from "@mui/material/Tab";
import Tabs from "@mui/material/Tabs";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { keepPreviousData } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { RaRecord } from "react-admin";
import { useGetList, useTranslate } from "react-admin";

import { GarmentImage } from "../components/GarmentImage.tsx";
import { useTokens } from "../theme/useTokens.ts";
import { Chosen } from "./SelfiePicker.tsx";
import { useJobScope } from "./useJobScope.ts";

export const MAX_GARMENTS = 8;

export type Garment = {
  id: string;
  kind: "product" | "item";
  name: string;
  brandId: string | null;
  categoryCode: string | null;
  color: string | null;
  imageUrl: string | null;
};

type Found = RaRecord<string> & Omit<Garment, "kind" | "id">;

const TYPING_MS = 250;
const PER_PAGE = 12;

const useDelayed = (text: string) => {
  const [delayed, setDelayed] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setDelayed(text), TYPING_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return delayed;
};

/**
 * A try-on shows products of one brand: with the first product chosen, the
 * others on offer are of its brand.
 */
const useOffered = (
  kind: Garment["kind"],
  categoryCode: string,
  text: string,
  brandId: string | null,
  pages: number,
) => {
  const { eyes } = useJobScope();
  const q = useDelayed(text.trim());
  return useGetList<Found>(
    kind === "product" ? "products" : "wardrobe_items",
    {
      pagination: { page: 1, perPage: PER_PAGE * pages },
      sort: { field: "createdAt", order: "DESC" },
      filter: {
        ...(categoryCode === "" ? {} : { categoryCode }),
        ...(q === "" ? {} : { q }),
        ...(kind === "item"
          ? { "deletedAt@isNull": true }
          : eyes === "shopper"
            ? { active: true, ...(brandId === null ? {} : { brandId }) }
            : {}),
      },
      meta: {
        total: false,
        columns: [
          ...(kind === "product" ? ["brandId"] : []),
          "name",
          "categoryCode",
          "color",
          "imageUrl",
        ],
      },
    },
    { placeholderData: keepPreviousData },
  );
};

export const GarmentPicker = ({
  categoryCode,
  chosen,
  onToggle,
}: {
  categoryCode: string;
  chosen: readonly Garment[];
  onToggle: (garment: Garment) => void;
}) => {
  const translate = useTranslate();
  const c = useTokens();
  const { eyes } = useJobScope();
  const [kind, setKind] = useState<Garment["kind"]>("product");
  const [text, setText] = useState("");
  const [isAll, setAll] = useState(false);
  const [pages, setPages] = useState(1);
  const brandId =
    chosen.find((garment) => garment.kind === "product")?.brandId ?? null;
  const { data, isPending, pageInfo } = useOffered(
    kind,
    isAll ? "" : categoryCode,
    text,
    brandId,
    pages,
  );
  const isFull = chosen.length >= MAX_GARMENTS;
  return (
    <Box>
      {eyes === "shopper" && (
        <Tabs
          value={kind}
          onChange={(_event, next: Garment["kind"]) => {
            setKind(next);
            setPages(1);
          }}
          aria-label={translate("tryons.form.from")}
          sx={{ mb: 1.5 }}
        >
          <Tab value="product" label={translate("tryons.form.products")} />
          <Tab value="item" label={translate("tryons.form.wardrobe")} />
        </Tabs>
      )}
      <Box sx={{ display: "flex", gap: 1, flexWrap: "wrap", mb: 1.5 }}>
        <TextField
          type="search"
          label={translate("tryons.form.search")}
          value={text}
          onChange={(event) => setText(event.target.value)}
          margin="none"
          sx={{ flex: "1 1 220px" }}
          slotProps={{
            input: {
              endAdornment: (
                <InputAdornment position="end">
                  <SearchIcon fontSize="small" />
                </InputAdornment>
              ),
            },
          }}
        />
        {categoryCode !== "" && (
          <Button aria-pressed={isAll} onClick={() => setAll(!isAll)}>
            {translate(
              isAll
                ? "tryons.form.only_category"
                : "tryons.form.all_categories",
            )}
          </Button>
        )}
      </Box>
      {brandId !== null && eyes === "shopper" && kind === "product" && (
        <Typography variant="caption" color="textSecondary">
          {translate("tryons.form.one_brand")}
        </Typography>
      )}
      <Box
        sx={{
          display: "grid",
          gap: 1.5,
          mt: 1,
          gridTemplateColumns: {
            xs: "repeat(2, minmax(0, 1fr))",
            sm: "repeat(3, minmax(0, 1fr))",
            lg: "repeat(4, minmax(0, 1fr))",
          },
        }}
      >
        {isPending
          ? Array.from({ length: 8 }, (_item, index) => (
              <Skeleton
                key={index}
                variant="rounded"
                sx={{ aspectRatio: "1", height: "auto", borderRadius: "12px" }}
              />
            ))
          : data?.map((found) => {
              const garment: Garment = {
                id: found.id,
                kind,
                name: found.name,
                brandId: found.brandId ?? null,
                categoryCode: found.categoryCode,
                color: found.color,
                imageUrl: found.imageUrl,
              };
              const isChosen = chosen.some(({ id }) => id === garment.id);
              return (
                <ButtonBase
                  key={garment.id}
                  aria-pressed={isChosen}
                  disabled={isFull && !isChosen}
                  onClick={() => onToggle(garment)}
                  sx={{
                    display: "flex",
                    flexDirection: "column",
                    alignItems: "stretch",
                    justifyContent: "flex-start",
                    position: "relative",
                    textAlign: "left",
                    borderRadius: "12px",
                    opacity: isFull && !isChosen ? 0.5 : 1,
                    outline: isChosen ? `2px solid ${c.accent}` : "none",
                    outlineOffset: 2,
                    "&:focus-visible": {
                      outline: `2px solid ${c.accent}`,
                      outlineOffset: 2,
                    },
                  }}
                >
                  <GarmentImage record={garment} />
                  {isChosen && <Chosen />}
                  <Typography
                    component="span"
                    variant="body2"
                    sx={{
                      display: "-webkit-box",
                      WebkitBoxOrient: "vertical",
                      WebkitLineClamp: "2",
                      overflow: "hidden",
                      overflowWrap: "anywhere",
                      mt: 0.75,
                      lineHeight: 1.35,
                    }}
                  >
                    {garment.name}
                  </Typography>
                </ButtonBase>
              );
            })}
      </Box>
      {!isPending && data?.length === 0 && (
        <Typography color="textSecondary" sx={{ py: 4, textAlign: "center" }}>
          {translate(
            text === "" ? `tryons.form.none_${kind}` : "tryons.form.none_found",
          )}
        </Typography>
      )}
      {pageInfo?.hasNextPage === true && (
        <Button sx={{ mt: 1.5 }} onClick={() => setPages(pages + 1)}>
          {translate("tryons.form.more")}
        </Button>
      )}
    </Box>
  );
};
