import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import { LinkBase, useLocale, useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { formatCount } from "../format.ts";
import { useSession } from "../useSession.ts";
import { tellingReason } from "./entryWords.ts";
import type { Grant, WalletOwner } from "./walletApi.ts";
import { isOfBrand, useGrants } from "./walletApi.ts";

const GrantRow = ({ grant, asOf }: { grant: Grant; asOf: number }) => {
  const translate = useTranslate();
  const locale = useLocale();
  const left = translate("wallet.left_of", {
    remaining: formatCount(grant.remaining, locale),
    amount: formatCount(grant.amount, locale),
  });
  const { can } = useSession();
  const note = tellingReason(grant.note, can("credit_corrections", "create"));
  const begins = new Date(grant.effectiveAt).getTime() > asOf;
  return (
    <Box
      component="li"
      sx={{
        py: 1.5,
        borderTop: 1,
        borderColor: "divider",
        "&:first-of-type": { borderTop: 0, pt: 0 },
      }}
    >
      <Box
        sx={{ display: "flex", justifyContent: "space-between", columnGap: 2 }}
      >
        <Typography variant="subtitle2" component="span">
          {translate(`wallet.source.${grant.source}`, { _: grant.source })}
        </Typography>
        <Typography
          variant="body2"
          component="span"
          sx={{ fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" }}
        >
          {left}
        </Typography>
      </Box>
      <LinearProgress
        variant="determinate"
        value={(grant.remaining / grant.amount) * 100}
        color="secondary"
        aria-label={left}
        sx={{ my: 0.75, height: 6, borderRadius: 3 }}
      />
      <Typography variant="caption" color="textSecondary" component="p">
        {begins ? (
          <>
            {translate("wallet.begins")}{" "}
            <RelativeTime value={grant.effectiveAt} />
          </>
        ) : grant.expiresAt === null ? (
          translate("wallet.never_ends")
        ) : (
          <>
            {translate("wallet.ends")} <RelativeTime value={grant.expiresAt} />
          </>
        )}
        {note !== null && ` · ${note}`}
      </Typography>
    </Box>
  );
};

const NoGrants = ({ owner }: { owner: WalletOwner }) => {
  const translate = useTranslate();
  const { can } = useSession();
  const words = can("credit_corrections", "create")
    ? "staff"
    : isOfBrand(owner)
      ? "brand"
      : "own";
  return (
    <EmptyState
      dense
      category="bags"
      color="mustard"
      title={translate("wallet.empty_title")}
      body={translate(`wallet.empty_body_${words}`)}
      action={
        can("billing", "show") && (
          <Button component={LinkBase} to="/billing" variant="outlined">
            {translate("billing.title")}
          </Button>
        )
      }
    />
  );
};

/** Where the credits come from, and which of them end next. */
export const GrantsPanel = ({ owner }: { owner: WalletOwner }) => {
  const translate = useTranslate();
  const { data, isPending, dataUpdatedAt } = useGrants(owner);
  return (
    <Panel
      title={translate("wallet.grants")}
      action={<AsOf at={dataUpdatedAt} />}
      sx={{ minWidth: 0 }}
    >
      <span id="grants" />
      {isPending || !data ? (
        <Skeleton variant="rounded" height={160} />
      ) : data.length === 0 ? (
        <NoGrants owner={owner} />
      ) : (
        <>
          <Typography variant="body2" color="textSecondary" sx={{ mb: 2 }}>
            {translate("wallet.grants_body")}
          </Typography>
          <Box
            component="ul"
            sx={{
              listStyle: "none",
              m: 0,
              p: 0,
              maxHeight: 380,
              overflowY: "auto",
            }}
          >
            {data.map((grant) => (
              <GrantRow
                key={grant.grantId}
                grant={grant}
                asOf={dataUpdatedAt}
              />
            ))}
          </Box>
        </>
      )}
    </Panel>
  );
};
