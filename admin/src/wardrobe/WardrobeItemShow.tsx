import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useState } from "react";
import {
  Confirm,
  EditButton,
  LinkBase,
  Show,
  TopToolbar,
  useNotify,
  useRecordContext,
  useRedirect,
  useTranslate,
  useUpdate,
} from "react-admin";

import { Facts } from "../components/Facts.tsx";
import { GarmentImage } from "../components/GarmentImage.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { useCategories } from "../components/useLookups.ts";
import { HistorySection } from "../history/HistorySection.tsx";
import { SimilarPieces } from "./SimilarPieces.tsx";
import type { WardrobeItem } from "./types.ts";

/** Taken out of the wardrobe, not destroyed: past try-ons keep showing it. */
const TakeOutButton = () => {
  const record = useRecordContext<WardrobeItem>();
  const translate = useTranslate();
  const notify = useNotify();
  const redirect = useRedirect();
  const [open, setOpen] = useState(false);
  const [update, { isPending }] = useUpdate<WardrobeItem>();
  if (!record) return null;
  return (
    <>
      <Button color="error" onClick={() => setOpen(true)}>
        {translate("wardrobe.take_out")}
      </Button>
      <Confirm
        isOpen={open}
        loading={isPending}
        title={translate("wardrobe.take_out_title", { name: record.name })}
        content={translate("wardrobe.take_out_body")}
        confirm="wardrobe.take_out"
        confirmColor="warning"
        onClose={() => setOpen(false)}
        onConfirm={() => {
          void update(
            "wardrobe_items",
            {
              id: record.id,
              data: { ...record, deletedAt: new Date().toISOString() },
              previousData: record,
            },
            {
              onSuccess: () => {
                notify("wardrobe.taken_out", { type: "success" });
                redirect("list", "wardrobe_items");
              },
              onError: (error: unknown) => {
                setOpen(false);
                notify(error instanceof Error ? error.message : "", {
                  type: "error",
                });
              },
            },
          );
        }}
      />
    </>
  );
};

const ItemDetails = () => {
  const record = useRecordContext<WardrobeItem>();
  const translate = useTranslate();
  const { labelOf } = useCategories();
  if (!record) return null;
  const tags = [...record.colorTags, ...record.aiTags];
  return (
    <Box
      sx={{
        p: { xs: 2, md: 3.5 },
        display: "grid",
        gap: { xs: 3, md: 5 },
        gridTemplateColumns: { xs: "minmax(0,1fr)", md: "380px minmax(0,1fr)" },
        alignItems: "start",
      }}
    >
      <GarmentImage record={record} alt={record.name} />
      <Box>
        <Typography
          component="h2"
          variant="h2"
          sx={{ mb: 3, overflowWrap: "anywhere" }}
        >
          {record.name}
        </Typography>
        <Facts
          facts={[
            ["resources.wardrobe_items.fields.brandLabel", record.brandLabel],
            [
              "resources.wardrobe_items.fields.categoryCode",
              labelOf(record.categoryCode),
            ],
            ["resources.wardrobe_items.fields.color", record.color],
            [
              "resources.wardrobe_items.fields.usageCount",
              translate("wardrobe.worn", { smart_count: record.usageCount }),
            ],
            [
              "resources.wardrobe_items.fields.createdAt",
              <RelativeTime key="created" value={record.createdAt} />,
            ],
            ...(record.productId === null
              ? []
              : [
                  [
                    "resources.wardrobe_items.fields.productId",
                    <LinkBase
                      key="product"
                      to={`/products/${record.productId}/show`}
                      style={{ color: "inherit" }}
                    >
                      {translate("wardrobe.see_product")}
                    </LinkBase>,
                  ] as [string, ReactNode],
                ]),
          ]}
        />
        {tags.length > 0 && (
          <Box sx={{ display: "flex", gap: 0.75, flexWrap: "wrap", mt: 3 }}>
            {tags.map((tag) => (
              <Chip key={tag} label={tag} variant="outlined" size="small" />
            ))}
          </Box>
        )}
      </Box>
    </Box>
  );
};

export const WardrobeItemShow = () => (
  <Show
    actions={
      <TopToolbar>
        <TakeOutButton />
        <EditButton variant="contained" />
      </TopToolbar>
    }
  >
    <ItemDetails />
    <SimilarPieces />
    <HistorySection />
  </Show>
);
