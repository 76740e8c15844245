import CheckCircleIcon from "@mui/icons-material/CheckCircleOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useQuery } from "@tanstack/react-query";
import { Title, useDataProvider, useTranslate } from "react-admin";

import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { DeniedPage } from "../layout/ErrorPage.tsx";
import { useSession } from "../useSession.ts";

type Finding = { invariant: string; detail: string };

const Findings = ({ findings }: { findings: readonly Finding[] }) => {
  const translate = useTranslate();
  return (
    <>
      <Alert severity="error" sx={{ mb: 2 }}>
        {translate("reconcile.differs", { smart_count: findings.length })}
      </Alert>
      <Box sx={{ overflowX: "auto" }} tabIndex={0}>
        <Table size="small">
          <TableHead>
            <TableRow>
              <TableCell>{translate("reconcile.rule")}</TableCell>
              <TableCell>{translate("reconcile.row")}</TableCell>
            </TableRow>
          </TableHead>
          <TableBody>
            {findings.map(({ invariant, detail }) => (
              <TableRow key={`${invariant} ${detail}`}>
                <TableCell>
                  {translate(`reconcile.rules.${invariant}`, { _: invariant })}
                </TableCell>
                <TableCell sx={{ overflowWrap: "anywhere" }}>
                  {detail}
                </TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </Box>
    </>
  );
};

const Agreement = ({ at }: { at: number }) => {
  const translate = useTranslate();
  return (
    <Box sx={{ display: "flex", gap: 2, alignItems: "center", py: 1 }}>
      <CheckCircleIcon sx={{ fontSize: 44, color: "success.main" }} />
      <div>
        <Typography component="h2" variant="h4">
          {translate("reconcile.agree")}
        </Typography>
        <Typography color="textSecondary">
          {translate("reconcile.as_of")}{" "}
          <RelativeTime value={new Date(at).toISOString()} isPast />
        </Typography>
      </div>
    </Box>
  );
};

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
  const { data, error, isFetching, dataUpdatedAt, refetch } = useQuery({
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
        <Box
          sx={{
            display: "flex",
            flexWrap: "wrap",
            gap: 2,
            justifyContent: "space-between",
            alignItems: "center",
          }}
        >
          <Box sx={{ flex: 1, minWidth: 240 }} aria-live="polite">
            {error !== null ? (
              <Alert severity="error" role="alert">
                {error.message}
              </Alert>
            ) : data === undefined ? (
              <Skeleton height={64} />
            ) : data.length === 0 ? (
              <Agreement at={dataUpdatedAt} />
            ) : (
              <Findings findings={data} />
            )}
          </Box>
          <Button
            variant="outlined"
            disabled={isFetching}
            onClick={() => void refetch()}
          >
            {translate(isFetching ? "reconcile.checking" : "reconcile.again")}
          </Button>
        </Box>
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
