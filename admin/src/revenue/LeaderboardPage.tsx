import Box from "@mui/material/Box";
import { Title, useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { Panel } from "../components/Panel.tsx";
import { forRevenue } from "./forRevenue.tsx";
import { LeaderboardTable } from "./LeaderboardTable.tsx";
import { PeriodChooser } from "./PeriodChooser.tsx";
import { useLeaderboardTotal } from "./revenueApi.ts";
import { usePeriod } from "./usePeriod.ts";

/** Every brand that pays, by what it pays. */
export const LeaderboardPage = forRevenue(() => {
  const translate = useTranslate();
  const { period, now, setPeriod } = usePeriod();
  const { data: total } = useLeaderboardTotal(period);
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <Title title={translate("revenue.leaderboard.title")} />
      <PeriodChooser period={period} now={now} onChange={setPeriod} />
      <Panel
        title={translate("revenue.leaderboard.title")}
        action={total && <AsOf at={total.asOf} />}
      >
        <LeaderboardTable period={period} limit={500} />
      </Panel>
    </Box>
  );
});
