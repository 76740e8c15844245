import Box from "@mui/material/Box";
import type { SxProps, Theme } from "@mui/material/styles";

export type Pictured = {
  name?: string;
  categoryCode?: string | null;
  color?: string | null;
  imageUrl?: string | null;
};

/** The uploaded picture, or the drawing of the category in the garment's colour. */
export const pictureOf = (record: Pictured): string =>
  record.imageUrl ??
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
}) => (
  <Box
    component="img"
    src={pictureOf(record)}
    alt={alt}
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
