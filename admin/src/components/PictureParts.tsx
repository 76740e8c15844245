import AddPhotoIcon from "@mui/icons-material/AddPhotoAlternateOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import type { LinearProgressProps } from "@mui/material/LinearProgress";
import LinearProgress from "@mui/material/LinearProgress";
import { useId } from "react";
import { useTranslate } from "react-admin";

import { useTokens } from "../theme/useTokens.ts";
import { PICTURE_TYPES } from "./uploadFile.ts";
import type { Picture } from "./usePicture.ts";

/** Choose, replace, remove. */
export const PictureButtons = ({ picture }: { picture: Picture }) => {
  const translate = useTranslate();
  const c = useTokens();
  const inputId = useId();
  return (
    <Box sx={{ display: "flex", gap: 1, flexWrap: "wrap" }}>
      <Button
        component="label"
        htmlFor={inputId}
        variant="outlined"
        startIcon={<AddPhotoIcon />}
        disabled={picture.progress !== null}
        // A label is not in the tab order; the input inside is.
        tabIndex={-1}
        role={undefined}
        sx={{
          "&:focus-within": {
            outline: `2px solid ${c.accent}`,
            outlineOffset: 2,
          },
        }}
      >
        {translate(picture.isEmpty ? "upload.choose" : "upload.replace")}
        <input
          id={inputId}
          className="visually-hidden"
          type="file"
          accept={PICTURE_TYPES.join(",")}
          onChange={picture.choose}
        />
      </Button>
      {!picture.isEmpty && (
        <Button onClick={picture.remove}>{translate("upload.remove")}</Button>
      )}
    </Box>
  );
};

/** How much of it has been sent; nothing when nothing is being sent. */
export const PictureProgress = ({
  picture,
  sx,
}: {
  picture: Picture;
  sx: NonNullable<LinearProgressProps["sx"]>;
}) => {
  const translate = useTranslate();
  if (picture.progress === null) return null;
  return (
    <LinearProgress
      variant="determinate"
      value={picture.progress * 100}
      aria-label={translate("upload.progress")}
      sx={sx}
    />
  );
};
