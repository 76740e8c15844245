import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import { useMemo } from "react";
import { useLocale, useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { ChartFrame } from "../components/ChartFrame.tsx";
import { Definition } from "../components/Definition.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { formatCount } from "../format.ts";
import { useTokens } from "../theme/useTokens.ts";
import type { Forecast, UsageDay, WalletOwner } from "./walletApi.ts";
import { isOfBrand, USAGE_DAYS, useForecast, useUsage } from "./walletApi.ts";

const Outlook = ({ forecast }: { forecast: Forecast }) => {
  const translate = useTranslate();
  if (forecast.remaining === 0) return translate("wallet.runs_out_now");
  if (forecast.runsOutAt === null) return translate("wallet.runs_out_never");
  return <RelativeTime value={forecast.runsOutAt} />;
};

/** How long the credits last at the pace of the last days. */
export const ForecastRow = ({ owner }: { owner: WalletOwner }) => {
  const translate = useTranslate();
  const locale = useLocale();
  const { data, isPending } = useForecast(owner);
  if (isPending || !data) return <Skeleton height={52} />;
  return (
    <Box
      component="dl"
      sx={{
        m: 0,
        mt: 2.5,
        pt: 2,
        borderTop: 1,
        borderColor: "divider",
        display: "flex",
        flexWrap: "wrap",
        columnGap: 5,
        rowGap: 1.5,
      }}
    >
      <div>
        <Typography component="dt" variant="caption" color="textSecondary">
          {translate("wallet.runs_out")}{" "}
          <Definition
            text={translate("wallet.runs_out_definition", { days: data.days })}
          />
        </Typography>
        <Typography component="dd" variant="subtitle1" sx={{ m: 0 }}>
          <Outlook forecast={data} />
        </Typography>
      </div>
      <div>
        <Typography component="dt" variant="caption" color="textSecondary">
          {translate("wallet.per_day", { days: data.days })}
        </Typography>
        <Typography
          component="dd"
          variant="subtitle1"
          sx={{ m: 0, fontVariantNumeric: "tabular-nums" }}
        >
          {new Intl.NumberFormat(locale, { maximumFractionDigits: 2 }).format(
            data.perDay,
          )}
        </Typography>
      </div>
      <div>
        <Typography component="dt" variant="caption" color="textSecondary">
          {translate("wallet.spent", { days: data.days })}
        </Typography>
        <Typography
          component="dd"
          variant="subtitle1"
          sx={{ m: 0, fontVariantNumeric: "tabular-nums" }}
        >
          {formatCount(data.spent, locale)}
        </Typography>
      </div>
    </Box>
  );
};

const DayChart = ({ days }: { days: readonly UsageDay[] }) => {
  const translate = useTranslate();
  const locale = useLocale();
  const c = useTokens();
  const labels = useMemo(() => {
    const format = new Intl.DateTimeFormat(locale, {
      day: "numeric",
      month: "short",
      timeZone: "UTC",
    });
    return days.map(({ day }) => format.format(new Date(`${day}T00:00:00Z`)));
  }, [days, locale]);
  const series = useMemo(
    () => [
      {
        name: translate("wallet.used"),
        color: c.accent,
        values: days.map(({ used }) => used),
      },
    ],
    [days, c, translate],
  );
  const used = days.reduce((all, day) => all + day.used, 0);
  const tryons = days.reduce((all, day) => all + day.tryons, 0);
  return (
    <ChartFrame
      axis={translate("wallet.day")}
      labels={labels}
      series={series}
      height={220}
      summary={translate("wallet.usage_summary", {
        credits: translate("wallet.count_credits", {
          smart_count: used,
          count: formatCount(used, locale),
        }),
        tryons: translate("wallet.count_tryons", {
          smart_count: tryons,
          count: formatCount(tryons, locale),
        }),
        days: days.length,
      })}
    />
  );
};

/** What was spent on each of the last days, and how long the rest lasts. */
export const UsagePanel = ({ owner }: { owner: WalletOwner }) => {
  const translate = useTranslate();
  const { data, isPending, dataUpdatedAt } = useUsage(owner);
  const isIdle = data?.every(({ used }) => used === 0);
  return (
    <Panel
      title={translate("wallet.usage", { days: USAGE_DAYS })}
      action={<AsOf at={dataUpdatedAt} />}
      sx={{ minWidth: 0 }}
    >
      {isPending || !data ? (
        <Skeleton variant="rounded" height={220} />
      ) : isIdle ? (
        <EmptyState
          dense
          category="scarves"
          color="sage"
          title={translate("wallet.idle_title", { days: USAGE_DAYS })}
          body={translate(
            isOfBrand(owner) ? "wallet.idle_body_brand" : "wallet.idle_body",
          )}
        />
      ) : (
        <DayChart days={data} />
      )}
      <ForecastRow owner={owner} />
    </Panel>
  );
};
