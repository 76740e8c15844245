import Skeleton from "@mui/material/Skeleton";
import { useMemo } from "react";
import { useLocale, useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import type { ChartSeries } from "../components/ChartFrame.tsx";
import { ChartFrame } from "../components/ChartFrame.tsx";
import { ChartLegend } from "../components/ChartLegend.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { Panel } from "../components/Panel.tsx";
import { formatCount } from "../format.ts";
import { useTokens } from "../theme/useTokens.ts";
import { jobsLink } from "../wallet/jobLinks.ts";
import type { Minute } from "./operationsApi.ts";
import { THROUGHPUT_MINUTES, useThroughput } from "./operationsApi.ts";

const OUTCOMES = ["completed", "retried", "failed", "lost"] as const;

const useSeries = (minutes: readonly Minute[]) => {
  const translate = useTranslate();
  const c = useTokens();
  return useMemo(() => {
    const since = minutes[0]?.minute ?? "";
    const colors = {
      completed: c.success,
      retried: c.info,
      failed: c.error,
      lost: c.warning,
    };
    // An attempt that is tried again, or was lost, has left its job open or ended
    // it otherwise: the job is found through its attempts.
    const filters = {
      completed: { status: "completed", "finishedAt@gte": since },
      failed: { status: "failed", "finishedAt@gte": since },
      retried: { "attempts.outcome": "retried", "updatedAt@gte": since },
      lost: { "attempts.outcome": "lost", "updatedAt@gte": since },
    };
    return OUTCOMES.map((outcome): ChartSeries => ({
      name: translate(
        outcome === "failed"
          ? "operations.failed_attempts"
          : `operations.${outcome}`,
      ),
      color: colors[outcome],
      values: minutes.map((minute) => minute[outcome]),
      to: jobsLink(filters[outcome]),
    }));
  }, [minutes, c, translate]);
};

const Chart = ({ minutes }: { minutes: readonly Minute[] }) => {
  const translate = useTranslate();
  const locale = useLocale();
  const labels = useMemo(() => {
    const format = new Intl.DateTimeFormat(locale, {
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
    });
    return minutes.map(({ minute }) => format.format(new Date(minute)));
  }, [minutes, locale]);
  const series = useSeries(minutes);
  const sum = (name: (typeof OUTCOMES)[number]) =>
    formatCount(
      minutes.reduce((all, minute) => all + minute[name], 0),
      locale,
    );
  return (
    <ChartFrame
      axis={translate("operations.minute")}
      labels={labels}
      series={series}
      legend={
        <ChartLegend
          entries={series.map(({ values, ...entry }) => ({
            ...entry,
            value: formatCount(
              values.reduce((all, value) => all + value, 0),
              locale,
            ),
          }))}
        />
      }
      summary={translate("operations.throughput_summary", {
        completed: sum("completed"),
        failed: sum("failed"),
        retried: sum("retried"),
        lost: sum("lost"),
      })}
    />
  );
};

/** How the attempts of the last hour ended, minute by minute. */
export const ThroughputPanel = ({ isLive }: { isLive: boolean }) => {
  const translate = useTranslate();
  const { data, dataUpdatedAt } = useThroughput(isLive);
  const minutes = { minutes: THROUGHPUT_MINUTES };
  const isIdle = data?.every((minute) =>
    OUTCOMES.every((outcome) => minute[outcome] === 0),
  );
  return (
    <Panel
      title={translate("operations.throughput", minutes)}
      action={<AsOf at={dataUpdatedAt} />}
    >
      {data === undefined ? (
        <Skeleton variant="rounded" height={280} />
      ) : isIdle ? (
        <EmptyState
          dense
          category="belts"
          color="taupe"
          title={translate("operations.throughput_empty_title", minutes)}
          body={translate("operations.throughput_empty_body")}
        />
      ) : (
        <Chart minutes={data} />
      )}
    </Panel>
  );
};
