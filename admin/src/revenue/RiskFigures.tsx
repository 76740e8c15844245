import { useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { Figure } from "../components/Figure.tsx";
import { Panel } from "../components/Panel.tsx";
import { FigureRow } from "../home/FigureRow.tsx";
import { useSession } from "../useSession.ts";
import { subscriptionsLink } from "./links.ts";
import { useRisk } from "./revenueApi.ts";
import { useRevenueWords } from "./words.ts";

const PAYS = { "mrrUsdMinor@gt": 0 } as const;

/** What pays now and may not for long, and what somebody has to look at. */
export const RiskFigures = () => {
  const translate = useTranslate();
  const { can } = useSession();
  const { usd } = useRevenueWords();
  const { data, isPending } = useRisk();
  const canSeeRows = can("stripe_subscriptions", "list");
  const figure = (
    name: "ending" | "at_risk" | "review" | "unlinked",
    value: string | number | undefined,
    detail: string | undefined,
    to: string,
  ) => (
    <Figure
      label={translate(`revenue.figures.${name}.label`)}
      definition={translate(`revenue.figures.${name}.definition`)}
      to={canSeeRows ? to : undefined}
      value={value}
      detail={detail}
      isPending={isPending}
    />
  );
  const subscriptions = (count: number) =>
    translate("revenue.risk.subscriptions", { smart_count: count });
  return (
    <Panel
      title={translate("revenue.risk.title")}
      action={data && <AsOf at={data.asOf} />}
    >
      <FigureRow>
        {figure(
          "ending",
          data && usd(data.endingUsdMinor),
          data && subscriptions(data.endingSubscriptions),
          subscriptionsLink({ isEnding: true, ...PAYS }),
        )}
        {figure(
          "at_risk",
          data && usd(data.atRiskUsdMinor),
          data &&
            translate("revenue.risk.parts", {
              past_due: usd(data.pastDueUsdMinor),
              paused: usd(data.pausedUsdMinor),
            }),
          subscriptionsLink({
            or: [{ status: "past_due" }, { collectionPaused: true }],
            ...PAYS,
          }),
        )}
        {figure(
          "review",
          data?.reviewSubscriptions,
          data && translate("revenue.risk.review"),
          subscriptionsLink({ mrrState: "needs_review" }),
        )}
        {figure(
          "unlinked",
          data && usd(data.unlinkedUsdMinor),
          data &&
            translate("revenue.risk.customers", {
              smart_count: data.unlinkedCustomers,
            }),
          "/stripe_customers",
        )}
      </FigureRow>
    </Panel>
  );
};
