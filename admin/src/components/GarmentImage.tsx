import Box from "@mui/material/Box";
import type { SxProps, Theme } from "@mui/material/styles";
import { useState } from "react";

export type Pictured = {
  name?: string;
  categoryCode?: string | null;
  color?: string | null;
  imageUrl?: string | null;
};

/** The drawing of the category in the colour of the garment. */
export const drawingOf = (record: Pictured): string =>
  `/illustrations/${encodeURIComponent(record.categoryCode ?? "tops")}.svg?color=${encodeURIComponent(record.color ?? "")}`;

export const GarmentImage = ({
  record,
  size,
  alt = "",
  sx,
}: {
  record: Pictured;
  /** Pixels, or nothing to fill the width. */
  size?: number;
  alt?: string;
  sx?: SxProps<Theme>;
}) => {
  // A link works for some minutes; where it has ended, the drawing stands in.
  const [ended, setEnded] = useState<string | null>(null);
  const url = record.imageUrl ?? null;
  return (
    <Box
      component="img"
      src={url === null || url === ended ? drawingOf(record) : url}
      alt={alt}
      onError={() => setEnded(url)}
      loading="lazy"
      decoding="async"
      width={size ?? 512}
      height={size ?? 512}
      sx={[
        {
          display: "block",
          objectFit: "cover",
          aspectRatio: "1 / 1",
          bgcolor: "#e9e2da",
          borderRadius: size !== undefined && size < 100 ? "8px" : "12px",
          ...(size === undefined
            ? { width: "100%", height: "auto" }
            : { width: size, height: size, flexShrink: 0 }),
        },
        ...(Array.isArray(sx) ? sx : [sx]),
      ]}
    />
  );
};
