import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { LinkBase, Title, useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { Panel } from "../components/Panel.tsx";
import { forRevenue } from "./forRevenue.tsx";
import { LeaderboardTable } from "./LeaderboardTable.tsx";
import { leaderboardLink } from "./links.ts";
import { bucketFor } from "./period.ts";
import { PeriodChooser } from "./PeriodChooser.tsx";
import { useOverview } from "./revenueApi.ts";
import { RevenueFigures } from "./RevenueFigures.tsx";
import { RiskFigures } from "./RiskFigures.tsx";
import { SeriesPanel } from "./SeriesPanel.tsx";
import { usePeriod } from "./usePeriod.ts";
import { WaterfallPanel } from "./WaterfallPanel.tsx";

const TOP = 5;

/** What recurs, what came and went, who stays: each figure leads to its rows. */
export const RevenuePage = forRevenue(() => {
  const translate = useTranslate();
  const { period, now, search, change, setPeriod } = usePeriod();
  const { data, error } = useOverview(period);
  const bucket = bucketFor(period, search.get("by"));
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <Title title={translate("revenue.title")} />
      <Box
        sx={{
          display: "flex",
          flexWrap: "wrap",
          alignItems: "center",
          justifyContent: "space-between",
          columnGap: 2,
          rowGap: 1,
        }}
      >
        <PeriodChooser period={period} now={now} onChange={setPeriod} />
        {data && <AsOf at={data.asOf} />}
      </Box>
      {error !== null && (
        <Alert severity="error" role="alert">
          {translate(error.message, { _: error.message })}
        </Alert>
      )}
      <RevenueFigures period={period} />
      <RiskFigures />
      <WaterfallPanel period={period} />
      <SeriesPanel
        period={period}
        bucket={bucket}
        onBucket={(by) => change({ by })}
      />
      <Panel
        title={translate("revenue.leaderboard.title")}
        action={
          <Button
            component={LinkBase}
            to={leaderboardLink(period)}
            size="small"
          >
            {translate("revenue.leaderboard.see_all")}
          </Button>
        }
      >
        <LeaderboardTable period={period} limit={TOP} isShort />
      </Panel>
    </Box>
  );
});
