import Tooltip from "@mui/material/Tooltip";
import { useEffect, useState } from "react";
import { useLocale, useTranslate } from "react-admin";

import { formatExact, formatRelative } from "../format.ts";

const useNow = (everyMs: number) => {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
};

/** "3 hours ago"; the exact moment on hover, on focus and for machines. */
export const RelativeTime = ({
  value,
  isPast = false,
}: {
  value: string | null | undefined;
  /** It has happened, even where the clock here is behind. */
  isPast?: boolean;
}) => {
  const translate = useTranslate();
  const locale = useLocale();
  const now = useNow(30_000);
  if (value == null) {
    return <span>{translate("app.never")}</span>;
  }
  const moment = new Date(value);
  const seenAt = isPast && moment > now ? moment : now;
  return (
    <Tooltip title={formatExact(moment, locale)}>
      <time dateTime={moment.toISOString()} style={{ whiteSpace: "nowrap" }}>
        {formatRelative(moment, seenAt, locale)}
      </time>
    </Tooltip>
  );
};
