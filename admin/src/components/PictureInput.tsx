import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useInput, useRecordContext, useTranslate } from "react-admin";
import { useWatch } from "react-hook-form";

import { useTokens } from "../theme/useTokens.ts";
import type { Pictured } from "./GarmentImage.tsx";
import { GarmentImage } from "./GarmentImage.tsx";
import { PictureButtons, PictureProgress } from "./PictureParts.tsx";
import { usePicture } from "./usePicture.ts";

/** A garment's picture; its category's illustration stands in for a missing one. */
export const PictureInput = ({ source }: { source: string }) => {
  const translate = useTranslate();
  const c = useTokens();
  const record = useRecordContext<Pictured & { imageKey?: string | null }>();
  const { field, fieldState } = useInput({ source });
  const picture = usePicture(field, {
    key: record?.imageKey,
    url: record?.imageUrl,
  });
  const [categoryCode, color] = useWatch({
    name: ["categoryCode", "color"],
  }) as [string | undefined, string | undefined];
  const message = picture.fault || fieldState.error?.message || "";

  return (
    <Box sx={{ width: "100%" }}>
      <Box
        {...picture.dropTarget}
        sx={{
          position: "relative",
          borderRadius: "14px",
          outline: picture.isOver ? `2px dashed ${c.accent}` : "none",
          outlineOffset: 4,
        }}
      >
        <GarmentImage
          record={{
            categoryCode: categoryCode ?? null,
            color: color ?? null,
            imageUrl: picture.url,
          }}
        />
        <PictureProgress
          picture={picture}
          sx={{ position: "absolute", left: 16, right: 16, bottom: 16 }}
        />
      </Box>
      <Box sx={{ mt: 1.5 }}>
        <PictureButtons picture={picture} />
      </Box>
      <Typography
        variant="caption"
        color="textSecondary"
        sx={{ display: "block", mt: 1 }}
      >
        {translate(
          picture.isEmpty ? "upload.hint_illustration" : "upload.hint",
        )}
      </Typography>
      {message !== "" && (
        <Alert severity="error" role="alert" sx={{ mt: 1 }}>
          {message}
        </Alert>
      )}
    </Box>
  );
};
