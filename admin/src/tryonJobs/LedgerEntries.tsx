import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useTranslate } from "react-admin";

import { RelativeTime } from "../components/RelativeTime.tsx";
import { formatCount } from "../format.ts";
import { useTokens } from "../theme/useTokens.ts";
import type { LedgerEntry } from "./types.ts";

/** What an entry does to what can be spent. */
const signOf = (kind: LedgerEntry["kind"]): 1 | -1 | 0 => {
  switch (kind) {
    case "grant":
    case "release":
      return 1;
    case "hold":
    case "adjust":
      return -1;
    case "capture":
    case "expire":
      return 0;
  }
};

export const LedgerEntries = ({
  entries,
  wallet,
}: {
  entries: readonly LedgerEntry[];
  /** Whose wallet, in words. */
  wallet: string;
}) => {
  const translate = useTranslate();
  const c = useTokens();
  return (
    <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
      {entries.map((entry) => {
        const sign = signOf(entry.kind);
        return (
          <Box
            component="li"
            key={entry.id}
            sx={{
              display: "flex",
              justifyContent: "space-between",
              gap: 2,
              py: 1.25,
              "& + &": { borderTop: `1px solid ${c.line}` },
            }}
          >
            <Box sx={{ minWidth: 0 }}>
              <Typography variant="subtitle2" component="span">
                {translate(`tryons.ledger.${entry.kind}.title`)}
              </Typography>
              <Typography
                variant="body2"
                color="textSecondary"
                component="span"
                sx={{ display: "block", overflowWrap: "anywhere" }}
              >
                {translate(`tryons.ledger.${entry.kind}.body`, { wallet })}
                {entry.reason !== null && ` “${entry.reason}”`}
              </Typography>
              <Typography
                variant="caption"
                color="textSecondary"
                component="span"
              >
                <RelativeTime value={entry.createdAt} />
              </Typography>
            </Box>
            <Typography
              component="span"
              sx={{
                fontWeight: 600,
                whiteSpace: "nowrap",
                fontVariantNumeric: "tabular-nums lining-nums",
                color: sign === 1 ? c.success : sign === -1 ? c.text : c.quiet,
              }}
            >
              {sign === 1 ? "+" : sign === -1 ? "−" : ""}
              {translate("tryons.credits", {
                smart_count: entry.amount,
                count: formatCount(entry.amount),
              })}
            </Typography>
          </Box>
        );
      })}
    </Box>
  );
};
