import LockIcon from "@mui/icons-material/LockOutlined";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useTranslate } from "react-admin";

import { GarmentImage } from "../components/GarmentImage.tsx";
import { useTokens } from "../theme/useTokens.ts";
import type { TriedOn } from "./types.ts";

/** A garment of a wardrobe that is not ours to look into. */
const Private = ({ size }: { size: number }) => {
  const c = useTokens();
  return (
    <Box
      aria-hidden="true"
      sx={{
        width: size,
        height: size,
        flexShrink: 0,
        display: "grid",
        placeItems: "center",
        borderRadius: "8px",
        bgcolor: c.raised,
        border: `1px solid ${c.line}`,
        color: c.quiet,
        "& svg": { fontSize: size / 2.4 },
      }}
    >
      <LockIcon />
    </Box>
  );
};

export const TriedOnImage = ({
  garment,
  size,
}: {
  garment: TriedOn | undefined;
  size: number;
}) => {
  if (garment === undefined) {
    return (
      <Box
        aria-hidden="true"
        sx={{
          width: size,
          height: size,
          flexShrink: 0,
          borderRadius: "8px",
          bgcolor: "action.hover",
        }}
      />
    );
  }
  return garment.kind === "item" && garment.name === "" ? (
    <Private size={size} />
  ) : (
    <GarmentImage record={garment} size={size} />
  );
};

/** The garment in front, and how many more were worn with it. */
export const JobThumb = ({
  garments,
  size = 48,
}: {
  garments: readonly TriedOn[] | undefined;
  size?: number;
}) => {
  const translate = useTranslate();
  const more = (garments?.length ?? 0) - 1;
  return (
    <Box sx={{ position: "relative", flexShrink: 0 }}>
      <TriedOnImage garment={garments?.[0]} size={size} />
      {more > 0 && (
        <Typography
          component="span"
          aria-label={translate("tryons.more_garments", { smart_count: more })}
          role="img"
          sx={{
            position: "absolute",
            right: -5,
            bottom: -5,
            px: 0.5,
            borderRadius: "7px",
            fontSize: "0.7rem",
            fontWeight: 600,
            lineHeight: 1.5,
            color: "background.paper",
            bgcolor: "text.primary",
          }}
        >
          +{more}
        </Typography>
      )}
    </Box>
  );
};

/** What a job is called: what was tried on. */
export const useGarmentNames = () => {
  const translate = useTranslate();
  return (garments: readonly TriedOn[] | undefined, category: string) => {
    const names = (garments ?? []).map(({ name }) =>
      name === "" ? translate("tryons.private_item") : name,
    );
    return names.length === 0 ? category : names.join(", ");
  };
};
