import AddPhotoIcon from "@mui/icons-material/AddPhotoAlternateOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import Typography from "@mui/material/Typography";
import type { DragEvent } from "react";
import { useEffect, useId, useState } from "react";
import {
  useDataProvider,
  useInput,
  useRecordContext,
  useTranslate,
} from "react-admin";
import { useWatch } from "react-hook-form";

import type { AppDataProvider } from "../dataProvider.ts";
import { formatBytes } from "../format.ts";
import { useTokens } from "../theme/useTokens.ts";
import type { Pictured } from "./GarmentImage.tsx";
import { GarmentImage } from "./GarmentImage.tsx";
import { PICTURE_TYPES, uploadPicture } from "./uploadFile.ts";

const MAX_BYTES = 10_000_000;

/** A picture: chosen or dropped, sent at once, kept when the form is saved. */
export const PictureInput = ({ source }: { source: string }) => {
  const translate = useTranslate();
  const c = useTokens();
  const dataProvider = useDataProvider<AppDataProvider>();
  const record = useRecordContext<Pictured & { imageKey?: string | null }>();
  const { field } = useInput({ source });
  const [categoryCode, color] = useWatch({
    name: ["categoryCode", "color"],
  }) as [string | undefined, string | undefined];
  const inputId = useId();
  const [preview, setPreview] = useState<{ key: string; url: string } | null>(
    null,
  );
  const [progress, setProgress] = useState<number | null>(null);
  const [error, setError] = useState("");
  const [over, setOver] = useState(false);

  useEffect(
    () => () => {
      if (preview !== null) URL.revokeObjectURL(preview.url);
    },
    [preview],
  );

  const take = (file: File | undefined) => {
    setOver(false);
    if (file === undefined) return;
    if (!PICTURE_TYPES.includes(file.type)) {
      setError(translate("upload.wrong_type"));
      return;
    }
    if (file.size > MAX_BYTES) {
      setError(translate("upload.too_big", { size: formatBytes(file.size) }));
      return;
    }
    setError("");
    setProgress(0);
    uploadPicture(dataProvider, file, setProgress)
      .then((key) => {
        setPreview({ key, url: URL.createObjectURL(file) });
        field.onChange(key);
      })
      .catch((reason: unknown) => {
        const message =
          reason instanceof Error ? reason.message : "upload.failed";
        setError(translate(message, { _: message }));
      })
      .finally(() => setProgress(null));
  };

  // A form field without a value reads "", never null.
  const key: string | null = field.value || null;
  const imageUrl =
    key === null
      ? null
      : preview?.key === key
        ? preview.url
        : key === record?.imageKey
          ? (record?.imageUrl ?? null)
          : null;

  return (
    <Box sx={{ width: "100%" }}>
      <Box
        onDragOver={(event: DragEvent) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event: DragEvent) => {
          event.preventDefault();
          take(event.dataTransfer.files[0]);
        }}
        sx={{
          position: "relative",
          borderRadius: "14px",
          outline: over ? `2px dashed ${c.accent}` : "none",
          outlineOffset: 4,
        }}
      >
        <GarmentImage
          record={{
            categoryCode: categoryCode ?? null,
            color: color ?? null,
            imageUrl,
          }}
        />
        {progress !== null && (
          <LinearProgress
            variant="determinate"
            value={progress * 100}
            aria-label={translate("upload.progress")}
            sx={{ position: "absolute", left: 16, right: 16, bottom: 16 }}
          />
        )}
      </Box>
      <Box sx={{ display: "flex", gap: 1, mt: 1.5, flexWrap: "wrap" }}>
        <Button
          component="label"
          htmlFor={inputId}
          variant="outlined"
          startIcon={<AddPhotoIcon />}
          disabled={progress !== null}
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
          {translate(key === null ? "upload.choose" : "upload.replace")}
          <input
            id={inputId}
            className="visually-hidden"
            type="file"
            accept={PICTURE_TYPES.join(",")}
            onChange={(event) => {
              take(event.target.files?.[0]);
              event.target.value = "";
            }}
          />
        </Button>
        {key !== null && (
          <Button onClick={() => field.onChange(null)}>
            {translate("upload.remove")}
          </Button>
        )}
      </Box>
      <Typography
        variant="caption"
        color="textSecondary"
        sx={{ display: "block", mt: 1 }}
      >
        {translate(key === null ? "upload.hint_illustration" : "upload.hint")}
      </Typography>
      {error !== "" && (
        <Alert severity="error" role="alert" sx={{ mt: 1 }}>
          {error}
        </Alert>
      )}
    </Box>
  );
};
