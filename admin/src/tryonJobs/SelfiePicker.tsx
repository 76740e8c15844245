import AccountBoxIcon from "@mui/icons-material/AccountBoxOutlined";
import CheckIcon from "@mui/icons-material/CheckCircle";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import ButtonBase from "@mui/material/ButtonBase";
import Typography from "@mui/material/Typography";
import type { RaRecord } from "react-admin";
import { useGetList, useTranslate } from "react-admin";

import {
  PictureButtons,
  PictureProgress,
} from "../components/PictureParts.tsx";
import { usePicture } from "../components/usePicture.ts";
import { formatRelative } from "../format.ts";
import { useTokens } from "../theme/useTokens.ts";
import { useJobScope } from "./useJobScope.ts";

type Selfie = RaRecord<string> & {
  key: string;
  url: string | null;
  createdAt: string;
  retentionUntil: string | null;
};

const OFFERED = 5;

const isKept = ({ url, retentionUntil }: Selfie): boolean =>
  url !== null &&
  (retentionUntil === null || new Date(retentionUntil).getTime() > Date.now());

/** What was uploaded before and is still kept, newest first. */
const useEarlier = (): Selfie[] => {
  const { data } = useGetList<Selfie>("storage_objects", {
    pagination: { page: 1, perPage: 50 },
    // A key begins with its month.
    sort: { field: "key", order: "DESC" },
    filter: { kind: "selfie", status: "available" },
    meta: {
      total: false,
      columns: ["key", "url", "createdAt", "retentionUntil"],
    },
  });
  return (data ?? [])
    .filter(isKept)
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt))
    .slice(0, OFFERED);
};

/** The picture that garments are put on: a new one, or one from before. */
export const SelfiePicker = ({
  value,
  onChange,
  fault,
}: {
  value: string | null;
  onChange: (key: string | null) => void;
  fault: string | null;
}) => {
  const translate = useTranslate();
  const c = useTokens();
  const { eyes } = useJobScope();
  const earlier = useEarlier();
  const known = earlier.find(({ key }) => key === value);
  const picture = usePicture(
    { value: value ?? "", onChange },
    { key: known?.key, url: known?.url },
    "SELFIE",
  );
  const words = picture.fault || (fault ?? "");
  return (
    <Box>
      <Box
        {...picture.dropTarget}
        sx={{
          display: "flex",
          gap: 2,
          alignItems: "center",
          flexWrap: "wrap",
          p: 2,
          borderRadius: "14px",
          border: `1px dashed ${picture.isOver ? c.accent : c.control}`,
          bgcolor: c.raised,
        }}
      >
        {picture.url === null ? (
          <Box
            aria-hidden="true"
            sx={{
              width: 96,
              height: 120,
              display: "grid",
              placeItems: "center",
              borderRadius: "10px",
              bgcolor: c.line,
              color: c.quiet,
              "& svg": { fontSize: 42 },
            }}
          >
            <AccountBoxIcon />
          </Box>
        ) : (
          <Box
            component="img"
            src={picture.url}
            alt={translate(`tryons.form.picture_alt_${eyes}`)}
            sx={{
              width: 96,
              height: 120,
              objectFit: "cover",
              borderRadius: "10px",
              bgcolor: c.line,
            }}
          />
        )}
        <Box sx={{ flex: "1 1 220px", minWidth: 0 }}>
          <PictureButtons picture={picture} />
          <PictureProgress picture={picture} sx={{ mt: 1.5 }} />
          <Typography
            variant="caption"
            color="textSecondary"
            sx={{ display: "block", mt: 1 }}
          >
            {translate(`tryons.form.picture_hint_${eyes}`)}
          </Typography>
        </Box>
      </Box>
      {earlier.length > 0 && (
        <Box sx={{ mt: 1.5 }}>
          <Typography variant="body2" color="textSecondary" id="earlier">
            {translate("tryons.form.earlier")}
          </Typography>
          <Box
            role="group"
            aria-labelledby="earlier"
            sx={{ display: "flex", gap: 1, flexWrap: "wrap", mt: 1 }}
          >
            {earlier.map((selfie) => {
              const isChosen = selfie.key === value;
              return (
                <ButtonBase
                  key={selfie.key}
                  aria-pressed={isChosen}
                  aria-label={translate("tryons.form.earlier_of", {
                    time: formatRelative(
                      new Date(selfie.createdAt),
                      new Date(),
                    ),
                  })}
                  onClick={() => onChange(isChosen ? null : selfie.key)}
                  sx={{
                    position: "relative",
                    borderRadius: "10px",
                    outline: isChosen ? `2px solid ${c.accent}` : "none",
                    outlineOffset: 2,
                    "&:focus-visible": {
                      outline: `2px solid ${c.accent}`,
                      outlineOffset: 2,
                    },
                  }}
                >
                  <Box
                    component="img"
                    src={selfie.url ?? ""}
                    alt=""
                    sx={{
                      display: "block",
                      width: 60,
                      height: 76,
                      objectFit: "cover",
                      borderRadius: "10px",
                      bgcolor: c.line,
                    }}
                  />
                  {isChosen && <Chosen />}
                </ButtonBase>
              );
            })}
          </Box>
        </Box>
      )}
      {words !== "" && (
        <Alert severity="error" role="alert" sx={{ mt: 1.5 }}>
          {words}
        </Alert>
      )}
    </Box>
  );
};

export const Chosen = () => (
  <Box
    aria-hidden="true"
    sx={{
      position: "absolute",
      top: 4,
      right: 4,
      display: "flex",
      borderRadius: "50%",
      bgcolor: "background.paper",
      color: "success.main",
      "& svg": { fontSize: 22 },
    }}
  >
    <CheckIcon />
  </Box>
);
