import ImageIcon from "@mui/icons-material/ImageOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { CommonInputProps } from "react-admin";
import { useInput, useRecordContext, useTranslate } from "react-admin";

import {
  PictureButtons,
  PictureProgress,
} from "../../components/PictureParts.tsx";
import { usePicture } from "../../components/usePicture.ts";
import { useTokens } from "../../theme/useTokens.ts";
import { valueAt } from "../columns.ts";

/** A picture of any table, small beside its buttons. */
export const ImageInput = ({
  urlPath,
  ...props
}: CommonInputProps & {
  /** Where the record holds the link to what is stored; null if nowhere. */
  urlPath: string | null;
}) => {
  const translate = useTranslate();
  const c = useTokens();
  const record = useRecordContext();
  const { field, fieldState } = useInput(props);
  const stored = urlPath === null ? null : valueAt(record, urlPath);
  const picture = usePicture(field, {
    key: record?.[props.source] as string | null | undefined,
    url: typeof stored === "string" ? stored : null,
  });
  const message = picture.fault || fieldState.error?.message || "";

  return (
    <Box sx={{ width: "100%", mb: 1 }}>
      <Typography variant="caption" color="textSecondary" component="p">
        {props.label}
      </Typography>
      <Box
        {...picture.dropTarget}
        sx={{
          mt: 0.5,
          display: "flex",
          gap: 2,
          alignItems: "center",
          p: 1.5,
          borderRadius: "12px",
          border: `1px ${picture.isOver ? "solid" : "dashed"} ${picture.isOver ? c.accent : c.control}`,
        }}
      >
        {picture.url === null ? (
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
            src={picture.url}
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
          <PictureButtons picture={picture} />
          <Typography variant="caption" color="textSecondary" component="p">
            {typeof props.helperText === "string"
              ? props.helperText
              : translate("upload.hint")}
          </Typography>
        </Box>
      </Box>
      <PictureProgress picture={picture} sx={{ mt: 1 }} />
      {message !== "" && (
        <Alert severity="error" role="alert" sx={{ mt: 1 }}>
          {message}
        </Alert>
      )}
    </Box>
  );
};
