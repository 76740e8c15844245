import Skeleton from "@mui/material/Skeleton";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import { useMemo } from "react";
import { useLocale, useTranslate } from "react-admin";
import { useNavigate } from "react-router";

import { ChartFrame } from "../components/ChartFrame.tsx";
import { ChartLegend } from "../components/ChartLegend.tsx";
import { Panel } from "../components/Panel.tsx";
import { useTokens } from "../theme/useTokens.ts";
import { useSession } from "../useSession.ts";
import { KINDS, movementsLink, movementsOf } from "./links.ts";
import type { Bucket, Period } from "./period.ts";
import { bucketsFor } from "./period.ts";
import type { Bar, Overview } from "./revenueApi.ts";
import { useOverview, useSeries } from "./revenueApi.ts";
import { changeBy } from "./WaterfallPanel.tsx";
import { useRevenueWords } from "./words.ts";

const useKindColors = () => {
  const c = useTokens();
  return useMemo(
    () => ({
      new: c.success,
      reactivation: c.info,
      expansion: c.accent,
      contraction: c.warning,
      churn: c.error,
      line: c.ink,
    }),
    [c],
  );
};

/** What a bucket is called on the axis. */
const useBucketLabel = (bucket: Bucket) => {
  const locale = useLocale();
  return useMemo(() => {
    const by: Record<Bucket, Intl.DateTimeFormatOptions> = {
      day: { day: "numeric", month: "short" },
      week: { day: "numeric", month: "short", year: "numeric" },
      month: { month: "short", year: "numeric" },
      quarter: { month: "short", year: "numeric" },
    };
    const format = new Intl.DateTimeFormat(locale, {
      ...by[bucket],
      timeZone: "UTC",
    });
    return ({ bucketStart }: Bar) => {
      const at = new Date(bucketStart);
      return bucket === "quarter"
        ? `Q${Math.floor(at.getUTCMonth() / 3) + 1} ${at.getUTCFullYear()}`
        : format.format(at);
    };
  }, [locale, bucket]);
};

const Chart = ({
  bars,
  period,
  bucket,
  total,
}: {
  bars: readonly Bar[];
  period: Period;
  bucket: Bucket;
  /** Sums of the period, as the database has them. */
  total: Overview | undefined;
}) => {
  const translate = useTranslate();
  const navigate = useNavigate();
  const colors = useKindColors();
  const { can } = useSession();
  const { usd, usdShort, usdChange, count } = useRevenueWords();
  const labelOf = useBucketLabel(bucket);
  const canSeeRows = can("mrr_movements", "list");
  const labels = useMemo(() => bars.map(labelOf), [bars, labelOf]);
  const series = useMemo(
    () => [
      ...KINDS.map((kind) => ({
        name: translate(`revenue.kinds.${kind}`),
        color: colors[kind],
        values: bars.map((bar) => changeBy(kind, bar)),
      })),
      {
        name: translate("revenue.figures.mrr.label"),
        color: colors.line,
        kind: "line" as const,
        values: bars.map((bar) => bar.endUsdMinor),
      },
    ],
    [bars, colors, translate],
  );
  // The window begins within its first bucket.
  const links = bars.map(({ bucketStart, bucketEnd }, at) =>
    canSeeRows
      ? movementsLink(
          at === 0 ? `${period.from}T00:00:00Z` : bucketStart,
          bucketEnd,
        )
      : undefined,
  );
  const last = bars.at(-1);
  return (
    <ChartFrame
      height={300}
      axis={translate(`revenue.buckets.${bucket}`)}
      labels={labels}
      series={series}
      links={links}
      {...(canSeeRows
        ? {
            onSelect: (at: number) => {
              const to = links[at];
              if (to !== undefined) void navigate(to);
            },
          }
        : {})}
      format={usd}
      formatShort={usdShort}
      legend={
        <ChartLegend
          entries={[
            ...KINDS.map((kind) => ({
              name: translate(`revenue.kinds.${kind}`),
              color: colors[kind],
              value: total ? usdChange(changeBy(kind, total)) : "",
              to: canSeeRows ? movementsOf(period, kind) : undefined,
            })),
            {
              name: translate("revenue.series.line"),
              color: colors.line,
              value: usd(last?.endUsdMinor),
            },
          ]}
        />
      }
      summary={translate("revenue.series.summary", {
        mrr: usd(last?.endUsdMinor),
        accounts: count(last?.accounts),
        smart_count: last?.accounts ?? 0,
      })}
    />
  );
};

/** MRR over time: what came and went as bars, what it came to as a line. */
export const SeriesPanel = ({
  period,
  bucket,
  onBucket,
}: {
  period: Period;
  bucket: Bucket;
  onBucket: (bucket: Bucket) => void;
}) => {
  const translate = useTranslate();
  const { data } = useSeries(period, bucket);
  const { data: total } = useOverview(period);
  const offered = bucketsFor(period);
  return (
    <Panel
      title={translate("revenue.series.title")}
      action={
        offered.length > 1 && (
          <ToggleButtonGroup
            exclusive
            size="small"
            value={bucket}
            onChange={(_event, next: Bucket | null) => {
              if (next !== null) onBucket(next);
            }}
            aria-label={translate("revenue.series.by")}
          >
            {offered.map((one) => (
              <ToggleButton key={one} value={one}>
                {translate(`revenue.buckets.${one}`)}
              </ToggleButton>
            ))}
          </ToggleButtonGroup>
        )
      }
    >
      {data === undefined ? (
        <Skeleton variant="rounded" height={380} />
      ) : (
        <Chart bars={data} period={period} bucket={bucket} total={total} />
      )}
    </Panel>
  );
};
