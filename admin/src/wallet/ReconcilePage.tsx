import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useQuery } from "@tanstack/react-query";
import { Title, useDataProvider, useTranslate } from "react-admin";

import type { Finding } from "../components/Findings.tsx";
import { Findings } from "../components/Findings.tsx";
import { Panel } from "../components/Panel.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { DeniedPage } from "../layout/ErrorPage.tsx";
import { useSession } from "../useSession.ts";

const rules = [
  "credits_do_not_sum_to_zero",
  "balance_differs_from_transfers",
  "balance_below_zero",
  "grants_differ_from_available",
  "open_holds_differ_from_held",
  "hold_differs_from_its_lines",
  "hold_settled_wrongly",
  "finished_job_with_open_hold",
  "job_and_hold_disagree",
  "job_of_pro_with_hold",
];

/** The credit books against themselves, on request: it reads everything. */
export const ReconcilePage = () => {
  const translate = useTranslate();
  const dataProvider = useDataProvider<AppDataProvider>();
  const { can } = useSession();
  const allowed = can("reconciliation", "list");
  const check = useQuery({
    queryKey: ["reconciliation"],
    queryFn: async ({ signal }) => {
      const { nodes } = await dataProvider.query<{ nodes: Finding[] }>(
        "reconcileCredits",
        { first: { type: "Int", value: 500 } },
        "nodes { invariant detail }",
        { signal },
      );
      return nodes;
    },
    enabled: allowed,
    refetchOnWindowFocus: false,
  });
  if (!allowed) return <DeniedPage />;
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        maxWidth: 980,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <Title title={translate("reconcile.title")} />
      <Panel>
        <Findings words="reconcile" heading="h2" check={check} />
      </Panel>
      <Panel title={translate("reconcile.checked")}>
        <Typography variant="body2" color="textSecondary" sx={{ mb: 1.5 }}>
          {translate("reconcile.body")}
        </Typography>
        <Box component="ul" sx={{ m: 0, pl: 2.5, display: "grid", gap: 0.75 }}>
          {rules.map((rule) => (
            <Typography key={rule} component="li" variant="body2">
              {translate(`reconcile.checks.${rule}`)}
            </Typography>
          ))}
        </Box>
      </Panel>
    </Box>
  );
};
