import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TablePagination from "@mui/material/TablePagination";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useMemo, useState } from "react";
import { LinkBase, Title, useLocale, useTranslate } from "react-admin";

import { ChartFrame } from "../components/ChartFrame.tsx";
import { Findings } from "../components/Findings.tsx";
import { Money } from "../components/Money.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { useTokens } from "../theme/useTokens.ts";
import { useSession } from "../useSession.ts";
import { forRevenue } from "./forRevenue.tsx";
import { accountsLink } from "./links.ts";
import type { Period } from "./period.ts";
import { dayText } from "./period.ts";
import { PeriodChooser } from "./PeriodChooser.tsx";
import type { Part, PartRow } from "./revenueApi.ts";
import { useMrrCheck, usePartRows, useReconciliation } from "./revenueApi.ts";
import { usePeriod } from "./usePeriod.ts";
import { useRevenueWords } from "./words.ts";

const PER_PAGE = 25;

const numbers = {
  fontVariantNumeric: "tabular-nums",
  whiteSpace: "nowrap",
} as const;

/** Where there is room; on a phone the words stand under the name. */
const wide = { display: { xs: "none", sm: "table-cell" } } as const;

/** Mirror, movements and accounts against one another: no row, or something is wrong. */
const CheckPanel = () => {
  const translate = useTranslate();
  const check = useMrrCheck();
  return (
    <Panel title={translate("revenue.check.title")}>
      <Findings words="revenue.check" check={check} />
      <Typography variant="body2" color="textSecondary" sx={{ mt: 2 }}>
        {translate("revenue.check.body")}
      </Typography>
    </Panel>
  );
};

const RowOfPart = ({ row }: { row: PartRow }) => {
  const translate = useTranslate();
  const { usdChange, none } = useRevenueWords();
  const id = row.invoiceId ?? row.subscriptionId ?? "";
  const to =
    row.invoiceId === null
      ? `/stripe_subscriptions/${encodeURIComponent(id)}/show`
      : `/stripe_invoices/${encodeURIComponent(id)}/show`;
  return (
    <TableRow>
      <TableCell component="th" scope="row">
        <Link component={LinkBase} to={to} color="inherit">
          {row.invoiceId === null
            ? translate("revenue.bridge.subscription", { id })
            : (row.number ?? id)}
        </Link>
      </TableCell>
      <TableCell>
        {row.customerId === null ? (
          none
        ) : (
          <Link
            component={LinkBase}
            to={`/stripe_customers/${encodeURIComponent(row.customerId)}/show`}
            color="inherit"
          >
            {row.customer ?? row.customerId}
          </Link>
        )}
      </TableCell>
      <TableCell>
        {row.at === null ? "" : <RelativeTime value={row.at} />}
      </TableCell>
      <TableCell align="right" sx={numbers}>
        {row.total !== null && (
          <Money minor={row.total} currency={row.currency} />
        )}
      </TableCell>
      <TableCell align="right" sx={{ ...numbers, fontWeight: 600 }}>
        {usdChange(row.usdMinor)}
      </TableCell>
    </TableRow>
  );
};

/** The invoices and subscriptions that make a part. */
const RowsPanel = ({ period, part }: { period: Period; part: Part }) => {
  const translate = useTranslate();
  const [page, setPage] = useState(0);
  const { data } = usePartRows(
    period,
    part.part,
    { page: page + 1, perPage: PER_PAGE },
    true,
  );
  const { usd } = useRevenueWords();
  return (
    <Panel
      title={translate(`revenue.bridge.parts.${part.part}`)}
      action={
        <Typography variant="subtitle2" sx={numbers}>
          {part.part === "without_rate" ? "" : usd(part.usdMinor)}
        </Typography>
      }
    >
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1.5 }}>
        {translate(`revenue.bridge.explained.${part.part}`)}
      </Typography>
      {data === undefined ? (
        <Skeleton variant="rounded" height={160} />
      ) : data.length === 0 ? (
        <Typography color="textSecondary">
          {translate("revenue.bridge.nothing")}
        </Typography>
      ) : (
        <>
          <Box
            sx={{ overflowX: "auto" }}
            tabIndex={0}
            role="region"
            aria-label={translate(`revenue.bridge.parts.${part.part}`)}
          >
            <Table size="small">
              <TableHead>
                <TableRow>
                  <TableCell>{translate("revenue.bridge.of")}</TableCell>
                  <TableCell>{translate("revenue.bridge.customer")}</TableCell>
                  <TableCell>{translate("revenue.bridge.at")}</TableCell>
                  <TableCell align="right">
                    {translate("revenue.bridge.total")}
                  </TableCell>
                  <TableCell align="right">
                    {translate("revenue.bridge.share")}
                  </TableCell>
                </TableRow>
              </TableHead>
              <TableBody>
                {data.map((row, at) => (
                  <RowOfPart
                    key={`${row.invoiceId ?? ""} ${row.subscriptionId ?? ""} ${at}`}
                    row={row}
                  />
                ))}
              </TableBody>
            </Table>
          </Box>
          {part.items > PER_PAGE && (
            <TablePagination
              component="div"
              count={part.items}
              page={page}
              rowsPerPage={PER_PAGE}
              rowsPerPageOptions={[PER_PAGE]}
              onPageChange={(_event, next) => setPage(next)}
            />
          )}
        </>
      )}
    </Panel>
  );
};

const Bridge = ({
  parts,
  period,
  chosen,
  onChoose,
}: {
  parts: readonly Part[];
  period: Period;
  chosen: string | null;
  onChoose: (part: string) => void;
}) => {
  const translate = useTranslate();
  const locale = useLocale();
  const c = useTokens();
  const { can } = useSession();
  const { usd, usdShort, usdChange, count } = useRevenueWords();
  const canSeeRows = can("stripe_invoices", "list");
  const steps = useMemo(
    () => parts.filter(({ part }) => part !== "without_rate"),
    [parts],
  );
  const labels = useMemo(
    () => steps.map(({ part }) => translate(`revenue.bridge.parts.${part}`)),
    [steps, translate],
  );
  const series = useMemo(
    () => [
      {
        name: translate("revenue.bridge.amount"),
        color: c.ink,
        values: steps.map(({ usdMinor }) => usdMinor),
      },
    ],
    [steps, c, translate],
  );
  const isTotal = (part: string) => part === "mrr" || part === "invoiced";
  const name = (part: Part) => {
    const text = translate(`revenue.bridge.parts.${part.part}`);
    if (part.part === "mrr") {
      return (
        <Link
          component={LinkBase}
          to={accountsLink(period, "paying")}
          color="inherit"
        >
          {text}
        </Link>
      );
    }
    return canSeeRows && part.items > 0 ? (
      <Link
        component="button"
        type="button"
        color="inherit"
        variant="inherit"
        aria-expanded={chosen === part.part}
        onClick={() => onChoose(part.part)}
        sx={{ textAlign: "left", fontWeight: "inherit" }}
      >
        {text}
      </Link>
    ) : (
      text
    );
  };
  const left = parts.find(({ part }) => part === "without_rate");
  return (
    <Panel title={translate("revenue.bridge.title")}>
      <ChartFrame
        drawing="waterfall"
        height={280}
        axis={translate("revenue.bridge.part")}
        labels={labels}
        series={series}
        format={usd}
        formatShort={usdShort}
        {...(canSeeRows
          ? {
              onSelect: (at: number) => {
                const step = steps[at];
                if (step !== undefined && step.items > 0) onChoose(step.part);
              },
            }
          : {})}
        summary={translate("revenue.bridge.summary", {
          mrr: usd(steps[0]?.usdMinor),
          invoiced: usd(steps.at(-1)?.usdMinor),
          from: dayText(period.from, locale),
          to: dayText(period.to, locale),
        })}
      />
      <Box sx={{ overflowX: "auto", mt: 2 }} tabIndex={0}>
        <Table size="small">
          <TableHead>
            <TableRow>
              <TableCell>{translate("revenue.bridge.part")}</TableCell>
              <TableCell sx={wide}>
                {translate("revenue.bridge.what")}
              </TableCell>
              <TableCell align="right" sx={wide}>
                {translate("revenue.bridge.rows")}
              </TableCell>
              <TableCell align="right">
                {translate("revenue.bridge.amount")}
              </TableCell>
            </TableRow>
          </TableHead>
          <TableBody>
            {steps.map((part) => (
              <TableRow
                key={part.part}
                sx={
                  isTotal(part.part)
                    ? { "& td, & th": { fontWeight: 700 } }
                    : undefined
                }
              >
                <TableCell component="th" scope="row">
                  {name(part)}
                  <Typography
                    variant="caption"
                    color="textSecondary"
                    component="div"
                    sx={{ display: { sm: "none" } }}
                  >
                    {translate(`revenue.bridge.explained.${part.part}`)}
                  </Typography>
                </TableCell>
                <TableCell sx={{ ...wide, color: "text.secondary" }}>
                  {translate(`revenue.bridge.explained.${part.part}`)}
                </TableCell>
                <TableCell align="right" sx={{ ...wide, ...numbers }}>
                  {count(part.items)}
                </TableCell>
                <TableCell align="right" sx={numbers}>
                  {isTotal(part.part)
                    ? usd(part.usdMinor)
                    : usdChange(part.usdMinor)}
                </TableCell>
              </TableRow>
            ))}
          </TableBody>
        </Table>
      </Box>
      {left !== undefined && left.items > 0 && (
        <Alert
          severity="warning"
          sx={{ mt: 2 }}
          action={
            canSeeRows && (
              <Button
                color="inherit"
                size="small"
                onClick={() => onChoose("without_rate")}
              >
                {translate("revenue.bridge.show")}
              </Button>
            )
          }
        >
          {translate("revenue.bridge.left_out", { smart_count: left.items })}
        </Alert>
      )}
    </Panel>
  );
};

/** Whether the books agree, and the way from MRR to what was invoiced. */
export const ReconciliationPage = forRevenue(() => {
  const translate = useTranslate();
  const { period, now, search, change, setPeriod } = usePeriod();
  const { data, error } = useReconciliation(period);
  const asked = search.get("part");
  const chosen = data?.find(({ part }) => part === asked);
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <Title title={translate("revenue.reconciliation")} />
      <CheckPanel />
      <PeriodChooser period={period} now={now} onChange={setPeriod} />
      {error !== null && (
        <Alert severity="error" role="alert">
          {translate(error.message, { _: error.message })}
        </Alert>
      )}
      {data === undefined ? (
        <Skeleton variant="rounded" height={420} />
      ) : (
        <Bridge
          parts={data}
          period={period}
          chosen={chosen?.part ?? null}
          onChoose={(part) => change({ part: part === asked ? null : part })}
        />
      )}
      {chosen !== undefined && (
        <RowsPanel
          key={`${chosen.part} ${period.from} ${period.to}`}
          period={period}
          part={chosen}
        />
      )}
    </Box>
  );
});
