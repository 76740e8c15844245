import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useTranslate } from "react-admin";

import { Figure } from "../components/Figure.tsx";
import { FigureRow } from "../home/FigureRow.tsx";
import { useSession } from "../useSession.ts";
import type { Measure } from "./Change.tsx";
import { Change } from "./Change.tsx";
import {
  accountsLink,
  costsLink,
  movementsLink,
  movementsOf,
} from "./links.ts";
import type { Period } from "./period.ts";
import { addDays, previousPeriod, startOf } from "./period.ts";
import type { Overview } from "./revenueApi.ts";
import { useOverview, useSubscriberChurn } from "./revenueApi.ts";
import { useRevenueWords } from "./words.ts";

const Group = ({ title, children }: { title: string; children: ReactNode }) => (
  <section aria-label={title}>
    <Typography
      component="h2"
      variant="overline"
      color="textSecondary"
      sx={{ display: "block", mb: 1 }}
    >
      {title}
    </Typography>
    {children}
  </section>
);

type Shown = {
  name: string;
  value: (of: Overview) => number | null;
  measure: Measure;
  write: (value: number | null | undefined) => string;
  goodIs: "up" | "down";
  to: string | undefined;
};

/** Every figure of a period, how it stands against the one before, and its rows. */
export const RevenueFigures = ({ period }: { period: Period }) => {
  const translate = useTranslate();
  const { can } = useSession();
  const { usd, count, ratio, times } = useRevenueWords();
  const earlier = previousPeriod(period);
  const { data, isPending } = useOverview(period);
  const { data: before } = useOverview(earlier);
  const churn = useSubscriberChurn(period);
  const churnBefore = useSubscriberChurn(earlier);
  // Movements and costs are rows of finance; accounts are for both.
  const moves = can("mrr_movements", "list");
  const costs = can("acquisition_costs", "list");
  const gone = ["churn", "contraction"] as const;
  const any = ["new", "reactivation", "expansion", ...gone] as const;

  const figure = ({ name, value, measure, write, goodIs, to }: Shown) => (
    <Figure
      key={name}
      label={translate(`revenue.figures.${name}.label`)}
      definition={translate(`revenue.figures.${name}.definition`)}
      to={to}
      value={data && write(value(data))}
      isPending={isPending}
      detail={
        before && (
          <Change
            measure={measure}
            value={data && value(data)}
            before={value(before)}
            beforeText={write(value(before))}
            goodIs={goodIs}
          />
        )
      }
    />
  );
  const up = { goodIs: "up" } as const;
  const down = { goodIs: "down" } as const;

  return (
    <>
      <Group title={translate("revenue.groups.recurring")}>
        <FigureRow>
          {figure({
            name: "mrr",
            value: (of) => of.endUsdMinor,
            measure: "amount",
            write: usd,
            to: accountsLink(period, "paying"),
            ...up,
          })}
          {figure({
            name: "arr",
            value: (of) => of.arrUsdMinor,
            measure: "amount",
            write: usd,
            to: accountsLink(period, "paying"),
            ...up,
          })}
          {figure({
            name: "accounts",
            value: (of) => of.accounts,
            measure: "amount",
            write: count,
            to: accountsLink(period, "paying"),
            ...up,
          })}
          {figure({
            name: "arpa",
            value: (of) => of.arpaUsdMinor,
            measure: "amount",
            write: usd,
            to: accountsLink(period, "paying"),
            ...up,
          })}
        </FigureRow>
      </Group>
      <Group title={translate("revenue.groups.retention")}>
        <FigureRow columns={3}>
          {figure({
            name: "nrr",
            value: (of) => of.nrr,
            measure: "ratio",
            write: ratio,
            to: accountsLink(period, "started"),
            ...up,
          })}
          {figure({
            name: "grr",
            value: (of) => of.grr,
            measure: "ratio",
            write: ratio,
            to: accountsLink(period, "started"),
            ...up,
          })}
          {figure({
            name: "logo_churn",
            value: (of) => of.logoChurn,
            measure: "ratio",
            write: ratio,
            to: accountsLink(period, "lost"),
            ...down,
          })}
          {figure({
            name: "gross_churn",
            value: (of) => of.grossMrrChurn,
            measure: "ratio",
            write: ratio,
            to: moves ? movementsOf(period, gone) : undefined,
            ...down,
          })}
          {figure({
            name: "net_churn",
            value: (of) => of.netMrrChurn,
            measure: "ratio",
            write: ratio,
            to: moves
              ? movementsOf(period, [...gone, "expansion", "reactivation"])
              : undefined,
            ...down,
          })}
          <Figure
            label={translate("revenue.figures.subscriber_churn.label")}
            definition={translate(
              "revenue.figures.subscriber_churn.definition",
            )}
            to={
              moves
                ? movementsLink(
                    startOf(addDays(period.to, -30)),
                    startOf(period.to),
                    "churn",
                  )
                : undefined
            }
            value={churn.data && ratio(churn.data.rate)}
            isPending={churn.isPending}
            detail={
              churnBefore.data && (
                <Change
                  measure="ratio"
                  value={churn.data?.rate}
                  before={churnBefore.data.rate}
                  beforeText={ratio(churnBefore.data.rate)}
                  goodIs="down"
                />
              )
            }
          />
        </FigureRow>
      </Group>
      <Group title={translate("revenue.groups.growth")}>
        <FigureRow>
          {figure({
            name: "quick_ratio",
            value: (of) => of.quickRatio,
            measure: "times",
            write: times,
            to: moves ? movementsOf(period, any) : undefined,
            ...up,
          })}
          {figure({
            name: "ltv",
            value: (of) => of.ltvUsdMinor,
            measure: "amount",
            write: usd,
            to: accountsLink(period, "lost"),
            ...up,
          })}
          {figure({
            name: "cac",
            value: (of) => of.cacUsdMinor,
            measure: "amount",
            write: usd,
            to: costs ? costsLink(period) : accountsLink(period, "new"),
            ...down,
          })}
          {figure({
            name: "ltv_cac",
            value: (of) => of.ltvCac,
            measure: "times",
            write: times,
            to: accountsLink(period, "new"),
            ...up,
          })}
        </FigureRow>
      </Group>
    </>
  );
};
