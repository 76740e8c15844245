import SearchIcon from "@mui/icons-material/Search";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import InputAdornment from "@mui/material/InputAdornment";
import Link from "@mui/material/Link";
import MenuItem from "@mui/material/MenuItem";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TablePagination from "@mui/material/TablePagination";
import TableRow from "@mui/material/TableRow";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { LinkBase, Title, useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { Definition } from "../components/Definition.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { FilterText } from "../components/ListFilters.tsx";
import { useIsPhone } from "../components/ListFrame.tsx";
import { MoneyChange } from "../components/Money.tsx";
import { useSession } from "../useSession.ts";
import { forRevenue } from "./forRevenue.tsx";
import type { AccountGroup } from "./links.ts";
import { accountMovementsLink, ownerLink } from "./links.ts";
import { PeriodChooser } from "./PeriodChooser.tsx";
import type { Account, AccountSort, AccountTotal } from "./revenueApi.ts";
import { useAccounts, useAccountsTotal } from "./revenueApi.ts";
import { usePeriod } from "./usePeriod.ts";
import { useRevenueWords } from "./words.ts";

const GROUPS: readonly AccountGroup[] = [
  "all",
  "paying",
  "started",
  "lost",
  "new",
  "grown",
  "shrunk",
];
const SORTS: readonly AccountSort[] = [
  "end",
  "start",
  "change",
  "loss",
  "name",
];
const PER_PAGE = 25;

const numbers = {
  fontVariantNumeric: "tabular-nums",
  whiteSpace: "nowrap",
} as const;

/** What moved within the period: a sum that a person can follow across the row. */
const MOVED = [
  ["new", "newUsdMinor", 1],
  ["reactivation", "reactivationUsdMinor", 1],
  ["expansion", "expansionUsdMinor", 1],
  ["contraction", "contractionUsdMinor", -1],
  ["churn", "churnUsdMinor", -1],
] as const;

const useAccountName = () => {
  const translate = useTranslate();
  return ({ kind, name, ownerId }: Account) =>
    kind === "customer"
      ? translate("revenue.accounts.nobody", { name: name ?? ownerId })
      : (name ?? ownerId);
};

const Name = ({ account }: { account: Account }) => {
  const translate = useTranslate();
  const { can } = useSession();
  const nameOf = useAccountName();
  const to = ownerLink(account.account);
  const name = nameOf(account);
  // Customers are for finance.
  const isOpen =
    to !== null &&
    (account.kind !== "customer" || can("stripe_customers", "show"));
  return (
    <Box sx={{ minWidth: 150 }}>
      {isOpen ? (
        <Link
          component={LinkBase}
          to={to}
          color="inherit"
          sx={{ fontWeight: 600, overflowWrap: "anywhere" }}
        >
          {name}
        </Link>
      ) : (
        <Typography component="span" variant="subtitle2">
          {name}
        </Typography>
      )}
      <Typography
        component="span"
        variant="caption"
        color="textSecondary"
        sx={{ display: "block" }}
      >
        {translate(`revenue.accounts.kind.${account.kind}`)} ·{" "}
        {translate("revenue.risk.subscriptions", {
          smart_count: account.activeSubscriptions,
        })}
      </Typography>
    </Box>
  );
};

const Moved = ({ of, sign }: { of: number; sign: 1 | -1 }) =>
  of === 0 ? (
    <Typography component="span" variant="inherit" color="textSecondary">
      –
    </Typography>
  ) : (
    <MoneyChange minor={of * sign} currency="usd" />
  );

const Rows = ({
  accounts,
  total,
  hasKept,
}: {
  accounts: readonly Account[];
  total: AccountTotal | undefined;
  /** Where GRR leads. */
  hasKept: boolean;
}) => {
  const translate = useTranslate();
  const { usd } = useRevenueWords();
  const { can } = useSession();
  const canSeeMovements = can("mrr_movements", "list");
  const heading = (name: string, definition?: string) => (
    <>
      {translate(`revenue.accounts.${name}`)}
      {definition !== undefined && (
        <>
          {" "}
          <Definition text={translate(definition)} />
        </>
      )}
    </>
  );
  const summed = total && (
    <TableRow
      sx={{ "& td, & th": { fontWeight: 600, bgcolor: "background.default" } }}
    >
      <TableCell component="th" scope="row">
        {translate("revenue.accounts.total", { smart_count: total.accounts })}
      </TableCell>
      <TableCell align="right" sx={numbers}>
        {usd(total.startUsdMinor)}
      </TableCell>
      {MOVED.map(([name, column, sign]) => (
        <TableCell key={name} align="right" sx={numbers}>
          <Moved of={total[column]} sign={sign} />
        </TableCell>
      ))}
      <TableCell align="right" sx={numbers}>
        {usd(total.endUsdMinor)}
      </TableCell>
      {hasKept && (
        <TableCell align="right" sx={numbers}>
          {usd(total.keptUsdMinor)}
        </TableCell>
      )}
    </TableRow>
  );
  return (
    <Table size="small" sx={{ "& td, & th": { px: { md: 1, lg: 1.25 } } }}>
      <TableHead>
        <TableRow>
          <TableCell>{heading("account")}</TableCell>
          <TableCell align="right">{heading("start")}</TableCell>
          {MOVED.map(([name]) => (
            <TableCell key={name} align="right">
              {translate(`revenue.kinds.${name}`)}
            </TableCell>
          ))}
          <TableCell align="right">{heading("end")}</TableCell>
          {hasKept && (
            <TableCell align="right" sx={{ whiteSpace: "nowrap" }}>
              {heading("kept", "revenue.accounts.kept_definition")}
            </TableCell>
          )}
        </TableRow>
      </TableHead>
      <TableBody>
        {summed}
        {accounts.map((account) => (
          <TableRow key={account.account} hover>
            <TableCell component="th" scope="row">
              <Name account={account} />
            </TableCell>
            <TableCell align="right" sx={numbers}>
              {usd(account.startUsdMinor)}
            </TableCell>
            {MOVED.map(([name, column, sign]) => (
              <TableCell key={name} align="right" sx={numbers}>
                <Moved of={account[column]} sign={sign} />
              </TableCell>
            ))}
            <TableCell align="right" sx={{ ...numbers, fontWeight: 600 }}>
              {canSeeMovements ? (
                <Link
                  component={LinkBase}
                  to={accountMovementsLink(account.account)}
                  color="inherit"
                  aria-label={translate("revenue.accounts.movements", {
                    mrr: usd(account.endUsdMinor),
                  })}
                >
                  {usd(account.endUsdMinor)}
                </Link>
              ) : (
                usd(account.endUsdMinor)
              )}
            </TableCell>
            {hasKept && (
              <TableCell align="right" sx={numbers}>
                {usd(account.keptUsdMinor)}
              </TableCell>
            )}
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
};

/** On a phone: who, from what to what. */
const Cards = ({
  accounts,
  total,
}: {
  accounts: readonly Account[];
  total: AccountTotal | undefined;
}) => {
  const translate = useTranslate();
  const { usd } = useRevenueWords();
  const row = { display: "flex", gap: 1.5, px: 2, py: 1.25, minHeight: 64 };
  return (
    <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
      {total && (
        <Box component="li" sx={{ ...row, bgcolor: "background.default" }}>
          <Typography variant="subtitle2" sx={{ flex: 1 }}>
            {translate("revenue.accounts.total", {
              smart_count: total.accounts,
            })}
          </Typography>
          <Box sx={{ textAlign: "right", ...numbers }}>
            <Typography variant="subtitle2">
              {usd(total.endUsdMinor)}
            </Typography>
            <Typography variant="caption" color="textSecondary">
              {translate("revenue.accounts.from", {
                start: usd(total.startUsdMinor),
              })}
            </Typography>
          </Box>
        </Box>
      )}
      {accounts.map((account) => (
        <Box
          component="li"
          key={account.account}
          sx={{ ...row, borderTop: 1, borderColor: "divider" }}
        >
          <Box sx={{ flex: 1, minWidth: 0 }}>
            <Name account={account} />
          </Box>
          <Box sx={{ textAlign: "right", ...numbers }}>
            <Typography variant="subtitle2">
              {usd(account.endUsdMinor)}
            </Typography>
            <Typography variant="caption" component="span">
              <MoneyChange
                minor={account.endUsdMinor - account.startUsdMinor}
                currency="usd"
              />
            </Typography>
          </Box>
        </Box>
      ))}
    </Box>
  );
};

/** The accounts a figure counts, from the start of the period to its end. */
export const AccountsPage = forRevenue(() => {
  const translate = useTranslate();
  const isPhone = useIsPhone();
  const { period, now, search, change, setPeriod } = usePeriod();
  const which =
    GROUPS.find((group) => group === search.get("which")) ?? "paying";
  const sort = SORTS.find((one) => one === search.get("sort")) ?? "end";
  const words = search.get("q") ?? "";
  const page = Math.max(1, Number(search.get("page")) || 1);
  const question = { period, which, words };
  const { data, error, isPlaceholderData } = useAccounts({
    ...question,
    sort,
    page,
    perPage: PER_PAGE,
  });
  const { data: total } = useAccountsTotal(question);
  const select = (
    name: string,
    label: string,
    value: string,
    choices: readonly string[],
  ) => (
    <TextField
      select
      label={label}
      value={value}
      margin="none"
      sx={{ width: { xs: "100%", sm: 210 } }}
      onChange={(event) => change({ [name]: event.target.value, page: null })}
    >
      {choices.map((choice) => (
        <MenuItem key={choice} value={choice}>
          {translate(`revenue.accounts.${name}.${choice}`)}
        </MenuItem>
      ))}
    </TextField>
  );
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2,
        mt: 1,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <Title title={translate("revenue.accounts.title")} />
      <PeriodChooser period={period} now={now} onChange={setPeriod} />
      <Box
        role="search"
        aria-label={translate("lists.filters")}
        sx={{ display: "flex", flexWrap: "wrap", gap: 1.25 }}
      >
        {select(
          "which",
          translate("revenue.accounts.which_label"),
          which,
          GROUPS,
        )}
        {select("sort", translate("revenue.accounts.sort_label"), sort, SORTS)}
        <Box sx={{ width: { xs: "100%", sm: 240 } }}>
          <FilterText
            label={translate("revenue.accounts.search")}
            value={words}
            onChange={(q) => change({ q, page: null })}
            adornment={
              <InputAdornment position="end">
                <SearchIcon fontSize="small" />
              </InputAdornment>
            }
          />
        </Box>
      </Box>
      <Box
        sx={{
          display: "flex",
          flexWrap: "wrap",
          gap: 1.5,
          justifyContent: "space-between",
          alignItems: "baseline",
        }}
      >
        <Typography variant="body2" color="textSecondary">
          {translate(`revenue.accounts.says.${which}`)}
        </Typography>
        {total && <AsOf at={total.asOf} />}
      </Box>
      {error !== null && (
        <Alert severity="error" role="alert">
          {translate(error.message, { _: error.message })}
        </Alert>
      )}
      <Card
        sx={{ overflow: "hidden", opacity: isPlaceholderData ? 0.6 : 1 }}
        aria-busy={isPlaceholderData}
      >
        {data === undefined ? (
          <Box sx={{ p: 2 }}>
            <Skeleton variant="rounded" height={320} />
          </Box>
        ) : data.length === 0 ? (
          <EmptyState
            dense
            category="belts"
            color="taupe"
            title={translate("revenue.accounts.empty_title")}
            body={translate("revenue.accounts.empty_body")}
          />
        ) : isPhone ? (
          <Cards accounts={data} total={total} />
        ) : (
          <Box
            sx={{ overflowX: "auto" }}
            tabIndex={0}
            role="region"
            aria-label={translate("revenue.accounts.title")}
          >
            <Rows accounts={data} total={total} hasKept={which === "started"} />
          </Box>
        )}
      </Card>
      {total && total.accounts > PER_PAGE && (
        <TablePagination
          component="div"
          count={total.accounts}
          page={page - 1}
          rowsPerPage={PER_PAGE}
          rowsPerPageOptions={[PER_PAGE]}
          onPageChange={(_event, next) =>
            change({ page: next === 0 ? null : String(next + 1) })
          }
          labelDisplayedRows={({ from, to, count }) =>
            translate("revenue.accounts.range", { from, to, count })
          }
          getItemAriaLabel={(type) =>
            translate(
              type === "next"
                ? "ra.navigation.next"
                : type === "previous"
                  ? "ra.navigation.previous"
                  : type === "first"
                    ? "ra.navigation.first"
                    : "ra.navigation.last",
            )
          }
        />
      )}
    </Box>
  );
});
