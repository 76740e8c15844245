import Tooltip from "@mui/material/Tooltip";
import { useEffect, useState } from "react";
import { useLocale, useTranslate } from "react-admin";

import { formatExact, formatRelative } from "../format.ts";

/** The clock here moves so often; what it shows may be so far behind. */
const TICK_MS = 30_000;

const useNow = () => {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const timer = setInterval(() => setNow(new Date()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
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
  const now = useNow();
  if (value == null) {
    return <span>{translate("app.never")}</span>;
  }
  const moment = new Date(value);
  const ahead = moment.getTime() - now.getTime();
  const seenAt = ahead > 0 && (isPast || ahead < TICK_MS) ? moment : now;
  return (
    <Tooltip title={formatExact(moment, locale)}>
      <time dateTime={moment.toISOString()} style={{ whiteSpace: "nowrap" }}>
        {formatRelative(moment, seenAt, locale)}
      </time>
    </Tooltip>
  );
};
