import Typography from "@mui/material/Typography";
import { useTranslate } from "react-admin";

import { RelativeTime } from "./RelativeTime.tsx";

/** When the figures beside it were counted. */
export const AsOf = ({ at }: { at: number | string }) => {
  const translate = useTranslate();
  if (at === 0) return null;
  return (
    <Typography component="span" variant="caption" color="textSecondary">
      {translate("app.updated")}{" "}
      <RelativeTime value={new Date(at).toISOString()} isPast />
    </Typography>
  );
};
