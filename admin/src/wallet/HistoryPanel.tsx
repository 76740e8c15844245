import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { LinkBase, useLocale, useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { useIsPhone } from "../components/ListFrame.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { formatCount } from "../format.ts";
import { useSession } from "../useSession.ts";
import { entryWords, signed, tellingReason } from "./entryWords.ts";
import { jobLink } from "./jobLinks.ts";
import type { Entry, WalletOwner } from "./walletApi.ts";
import { useHistory } from "./walletApi.ts";

const Words = ({ entry }: { entry: Entry }) => {
  const translate = useTranslate();
  const { session, can } = useSession();
  const reason = tellingReason(
    entry.reason,
    can("credit_corrections", "create"),
  );
  return (
    <>
      <Typography
        component="span"
        variant="subtitle2"
        sx={{ display: "block" }}
      >
        {translate(entryWords(entry), { smart_count: entry.amount })}
        {reason !== null && `: ${reason}`}
      </Typography>
      <Typography component="span" variant="caption" color="textSecondary">
        <RelativeTime value={entry.bookedAt} isPast />
        {entry.tryonJobId !== null && (
          <>
            {" · "}
            <Link
              component={LinkBase}
              to={jobLink(entry.tryonJobId, session.brand !== null)}
            >
              {translate("wallet.see_job")}
            </Link>
          </>
        )}
      </Typography>
    </>
  );
};

const Change = ({ change }: { change: number }) => {
  const locale = useLocale();
  return (
    <Typography
      component="span"
      variant="body2"
      sx={{
        fontVariantNumeric: "tabular-nums",
        whiteSpace: "nowrap",
        fontWeight: change === 0 ? 400 : 600,
        color:
          change > 0
            ? "success.main"
            : change < 0
              ? "text.primary"
              : "text.secondary",
      }}
    >
      {signed(change, locale)}
    </Typography>
  );
};

const EntryList = ({ entries }: { entries: readonly Entry[] }) => {
  const translate = useTranslate();
  const locale = useLocale();
  return (
    <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
      {entries.map((entry) => (
        <Box
          component="li"
          key={entry.entryId}
          sx={{
            display: "flex",
            justifyContent: "space-between",
            gap: 2,
            py: 1.25,
            borderTop: 1,
            borderColor: "divider",
            "&:first-of-type": { borderTop: 0 },
          }}
        >
          <Box sx={{ minWidth: 0, overflowWrap: "anywhere" }}>
            <Words entry={entry} />
          </Box>
          <Box sx={{ textAlign: "right", flexShrink: 0 }}>
            <Change change={entry.availableChange} />
            <Typography
              component="span"
              variant="caption"
              color="textSecondary"
              sx={{ display: "block", fontVariantNumeric: "tabular-nums" }}
            >
              {translate("wallet.then", {
                available: formatCount(entry.availableAfter, locale),
              })}
            </Typography>
          </Box>
        </Box>
      ))}
    </Box>
  );
};

const EntryTable = ({ entries }: { entries: readonly Entry[] }) => {
  const translate = useTranslate();
  const locale = useLocale();
  return (
    <Box sx={{ overflowX: "auto" }}>
      <Table size="small">
        <TableHead>
          <TableRow>
            <TableCell>{translate("wallet.what")}</TableCell>
            <TableCell align="right">{translate("wallet.available")}</TableCell>
            <TableCell align="right">{translate("wallet.held")}</TableCell>
            <TableCell align="right">{translate("wallet.after")}</TableCell>
          </TableRow>
        </TableHead>
        <TableBody>
          {entries.map((entry) => (
            <TableRow key={entry.entryId}>
              <TableCell sx={{ overflowWrap: "anywhere" }}>
                <Words entry={entry} />
              </TableCell>
              <TableCell align="right">
                <Change change={entry.availableChange} />
              </TableCell>
              <TableCell align="right">
                <Change change={entry.heldChange} />
              </TableCell>
              <TableCell
                align="right"
                sx={{ fontVariantNumeric: "tabular-nums" }}
              >
                {formatCount(entry.availableAfter, locale)}
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Box>
  );
};

/** The ledger of one wallet in words, the newest first. */
export const HistoryPanel = ({ owner }: { owner: WalletOwner }) => {
  const translate = useTranslate();
  const isPhone = useIsPhone();
  const {
    data,
    isPending,
    dataUpdatedAt,
    hasNextPage,
    isFetchingOlder,
    fetchOlder,
  } = useHistory(owner);
  const entries = data?.pages.flat() ?? [];
  return (
    <Panel
      title={translate("wallet.history")}
      action={<AsOf at={dataUpdatedAt} />}
    >
      <span id="history" />
      {isPending ? (
        <Skeleton variant="rounded" height={260} />
      ) : entries.length === 0 ? (
        <Typography color="textSecondary">
          {translate("wallet.history_empty")}
        </Typography>
      ) : isPhone ? (
        <EntryList entries={entries} />
      ) : (
        <EntryTable entries={entries} />
      )}
      {hasNextPage && (
        <Box sx={{ textAlign: "center", mt: 2 }}>
          <Button
            variant="outlined"
            disabled={isFetchingOlder}
            onClick={fetchOlder}
          >
            {translate("wallet.older")}
          </Button>
        </Box>
      )}
    </Panel>
  );
};
