import AddPhotoIcon from "@mui/icons-material/AddPhotoAlternateOutlined";
import ImageIcon from "@mui/icons-material/ImageOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import Typography from "@mui/material/Typography";
import type { DragEvent } from "react";
import { useEffect, useId, useState } from "react";
import type { CommonInputProps } from "react-admin";
import {
  useDataProvider,
  useInput,
  useRecordContext,
  useTranslate,
} from "react-admin";

import { PICTURE_TYPES, uploadPicture } from "../../components/uploadFile.ts";
import type { AppDataProvider } from "../../dataProvider.ts";
import { formatBytes } from "../../format.ts";
import { useTokens } from "../../theme/useTokens.ts";
import { valueAt } from "../columns.ts";

const MAX_BYTES = 10_000_000;

/** A picture of any table: chosen or dropped, sent at once, kept when saved. */
export const ImageInput = ({
  urlPath,
  ...props
}: CommonInputProps & {
  /** Where the record holds the link to what is stored; null if nowhere. */
  urlPath: string | null;
}) => {
  const translate = useTranslate();
  const c = useTokens();
  const dataProvider = useDataProvider<AppDataProvider>();
  const record = useRecordContext();
  const { field, fieldState } = useInput(props);
  const inputId = useId();
  const [preview, setPreview] = useState<{ key: string; url: string } | null>(
    null,
  );
  const [progress, setProgress] = useState<number | null>(null);
  const [fault, setFault] = useState("");
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
      setFault(translate("upload.wrong_type"));
      return;
    }
    if (file.size > MAX_BYTES) {
      setFault(translate("upload.too_big", { size: formatBytes(file.size) }));
      return;
    }
    setFault("");
    setProgress(0);
    uploadPicture(dataProvider, file, setProgress)
      .then((key) => {
        setPreview({ key, url: URL.createObjectURL(file) });
        field.onChange(key);
      })
      .catch((reason: unknown) => {
        const message =
          reason instanceof Error ? reason.message : "upload.failed";
        setFault(translate(message, { _: message }));
      })
      .finally(() => setProgress(null));
  };

  // A form field without a value reads "", never null.
  const key: string | null = (field.value as string | null) || null;
  const stored = urlPath === null ? null : valueAt(record, urlPath);
  const url =
    key === null
      ? null
      : preview?.key === key
        ? preview.url
        : key === record?.[props.source] && typeof stored === "string"
          ? stored
          : null;
  const message = fault || fieldState.error?.message || "";

  return (
    <Box sx={{ width: "100%", mb: 1 }}>
      <Typography variant="caption" color="textSecondary" component="p">
        {props.label}
      </Typography>
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
          mt: 0.5,
          display: "flex",
          gap: 2,
          alignItems: "center",
          p: 1.5,
          borderRadius: "12px",
          border: `1px ${over ? "solid" : "dashed"} ${over ? c.accent : c.control}`,
        }}
      >
        {url === null ? (
          <Box
            aria-hidden="true"
            sx={{
              width: 96,
              height: 96,
              borderRadius: "10px",
              display: "grid",
              placeItems: "center",
              bgcolor: c.raised,
              color: c.quiet,
            }}
          >
            <ImageIcon />
          </Box>
        ) : (
          <Box
            component="img"
            src={url}
            alt=""
            sx={{
              width: 96,
              height: 96,
              objectFit: "cover",
              borderRadius: "10px",
            }}
          />
        )}
        <Box sx={{ flex: 1, minWidth: 0 }}>
          <Box sx={{ display: "flex", gap: 1, flexWrap: "wrap" }}>
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
          <Typography variant="caption" color="textSecondary" component="p">
            {typeof props.helperText === "string"
              ? props.helperText
              : translate("upload.hint")}
          </Typography>
        </Box>
      </Box>
      {progress !== null && (
        <LinearProgress
          variant="determinate"
          value={progress * 100}
          aria-label={translate("upload.progress")}
          sx={{ mt: 1 }}
        />
      )}
      {message !== "" && (
        <Alert severity="error" role="alert" sx={{ mt: 1 }}>
          {message}
        </Alert>
      )}
    </Box>
  );
};
