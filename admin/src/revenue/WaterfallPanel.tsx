import Skeleton from "@mui/material/Skeleton";
import { useMemo } from "react";
import { useLocale, useTranslate } from "react-admin";
import { useNavigate } from "react-router";

import { AsOf } from "../components/AsOf.tsx";
import { ChartFrame } from "../components/ChartFrame.tsx";
import { ChartLegend } from "../components/ChartLegend.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { Panel } from "../components/Panel.tsx";
import { useTokens } from "../theme/useTokens.ts";
import { useSession } from "../useSession.ts";
import type { MovementKind } from "./links.ts";
import { accountsLink, KINDS, movementsOf } from "./links.ts";
import type { Period } from "./period.ts";
import { dayText } from "./period.ts";
import type { Overview } from "./revenueApi.ts";
import { useOverview } from "./revenueApi.ts";
import { useRevenueWords } from "./words.ts";

/** What a kind of movement did to MRR, with its sign. */
export const changeBy = (
  kind: MovementKind,
  of: Pick<
    Overview,
    | "newUsdMinor"
    | "reactivationUsdMinor"
    | "expansionUsdMinor"
    | "contractionUsdMinor"
    | "churnUsdMinor"
  >,
): number => {
  switch (kind) {
    case "new":
      return of.newUsdMinor;
    case "reactivation":
      return of.reactivationUsdMinor;
    case "expansion":
      return of.expansionUsdMinor;
    case "contraction":
      return -of.contractionUsdMinor;
    case "churn":
      return -of.churnUsdMinor;
  }
};

const Chart = ({ data, period }: { data: Overview; period: Period }) => {
  const translate = useTranslate();
  const locale = useLocale();
  const navigate = useNavigate();
  const c = useTokens();
  const { can } = useSession();
  const { usd, usdShort, usdChange } = useRevenueWords();
  const canSeeRows = can("mrr_movements", "list");
  const labels = useMemo(
    () => [
      translate("revenue.waterfall.start"),
      ...KINDS.map((kind) => translate(`revenue.kinds.${kind}`)),
      translate("revenue.waterfall.end"),
    ],
    [translate],
  );
  const series = useMemo(
    () => [
      {
        name: translate("revenue.figures.mrr.label"),
        color: c.ink,
        values: [
          data.startUsdMinor,
          ...KINDS.map((kind) => changeBy(kind, data)),
          data.endUsdMinor,
        ],
      },
    ],
    [data, c, translate],
  );
  const links = [
    accountsLink(period, "started"),
    ...KINDS.map((kind) =>
      canSeeRows ? movementsOf(period, kind) : accountsLink(period, "all"),
    ),
    accountsLink(period, "paying"),
  ];
  const change = data.endUsdMinor - data.startUsdMinor;
  return (
    <ChartFrame
      drawing="waterfall"
      height={300}
      axis={translate("revenue.waterfall.step")}
      labels={labels}
      series={series}
      links={links}
      onSelect={(at) => {
        const to = links[at];
        if (to !== undefined) void navigate(to);
      }}
      format={usd}
      formatShort={usdShort}
      legend={
        <ChartLegend
          entries={labels.map((name, at) => ({
            name,
            color:
              at === 0 || at === labels.length - 1
                ? c.ink
                : at < 4
                  ? c.success
                  : c.error,
            value:
              at === 0 || at === labels.length - 1
                ? usd(series[0]?.values[at])
                : usdChange(series[0]?.values[at]),
            to: links[at],
          }))}
        />
      }
      summary={translate("revenue.waterfall.summary", {
        from: dayText(period.from, locale),
        to: dayText(period.to, locale),
        start: usd(data.startUsdMinor),
        end: usd(data.endUsdMinor),
        change: usdChange(change),
      })}
    />
  );
};

/** From MRR at the start to MRR at the end, by kind of movement. */
export const WaterfallPanel = ({ period }: { period: Period }) => {
  const translate = useTranslate();
  const { data } = useOverview(period);
  const isEmpty =
    data !== undefined &&
    data.startUsdMinor === 0 &&
    data.endUsdMinor === 0 &&
    KINDS.every((kind) => changeBy(kind, data) === 0);
  return (
    <Panel
      title={translate("revenue.waterfall.title")}
      action={data && <AsOf at={data.asOf} />}
    >
      {data === undefined ? (
        <Skeleton variant="rounded" height={380} />
      ) : isEmpty ? (
        <EmptyState
          dense
          category="bags"
          color="taupe"
          title={translate("revenue.empty_title")}
          body={translate("revenue.empty_body")}
        />
      ) : (
        <Chart data={data} period={period} />
      )}
    </Panel>
  );
};
