import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { LinkBase } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { Definition } from "../components/Definition.tsx";
import { Loaded } from "../components/Loaded.tsx";
import { Panel } from "../components/Panel.tsx";
import { useAggregates } from "../components/useAggregates.ts";
import { jobsLink } from "../wallet/jobLinks.ts";
import { ForecastRow } from "../wallet/UsagePanel.tsx";
import type { WalletOwner } from "../wallet/walletApi.ts";
import { isOfBrand, useWallet } from "../wallet/walletApi.ts";
import type { Allowance, Plan } from "./billingApi.ts";
import {
  useAllowance,
  useEntitlements,
  useGrants,
  usePlans,
  useUpcoming,
} from "./billingApi.ts";
import { useSay } from "./useSay.ts";

const DAYS_30 = 30 * 86_400;
const WITH_PRO = { payer: "pro", "id@within": DAYS_30 } as const;

const Part = ({ label, children }: { label: string; children: ReactNode }) => (
  <div>
    <Typography component="dt" variant="caption" color="textSecondary">
      {label}
    </Typography>
    <Typography
      component="dd"
      variant="subtitle1"
      sx={{ m: 0, fontVariantNumeric: "tabular-nums" }}
    >
      {children}
    </Typography>
  </div>
);

/** What one plan gave for this month, and what became of it. */
const AllowanceRow = ({
  allowance,
  plan,
}: {
  allowance: Allowance;
  plan: Plan | undefined;
}) => {
  const { translate, count, day, nameOf } = useSay();
  const { data: upcoming = [] } = useUpcoming();
  const next = upcoming.find(
    ({ kind, subscriptionId }) =>
      kind === "credits" && subscriptionId === allowance.subscriptionId,
  );
  const { granted, used, held, remaining, endsAt } = allowance;
  const title =
    plan === undefined ? translate("billing.plan_unnamed") : nameOf(plan);
  if (granted === null) {
    return (
      <Box sx={{ mb: 2 }}>
        <Typography component="h3" variant="subtitle2">
          {title}
        </Typography>
        <Typography variant="body2" color="textSecondary">
          {translate("billing.usage_waiting", {
            credits: count(allowance.monthlyCredits),
          })}
        </Typography>
      </Box>
    );
  }
  const words = translate("billing.usage_of", {
    used: count(used ?? 0),
    granted: count(granted),
  });
  return (
    <Box sx={{ mb: 2.5 }}>
      <Box
        sx={{
          display: "flex",
          justifyContent: "space-between",
          flexWrap: "wrap",
          columnGap: 2,
        }}
      >
        <Typography
          component="h3"
          variant="subtitle2"
          sx={{ overflowWrap: "anywhere" }}
        >
          {title}
        </Typography>
        <Typography
          variant="body2"
          component="span"
          sx={{ fontVariantNumeric: "tabular-nums" }}
        >
          {words}
        </Typography>
      </Box>
      <LinearProgress
        variant="determinate"
        value={Math.min(100, ((used ?? 0) / granted) * 100)}
        color="secondary"
        aria-label={`${title}: ${words}`}
        sx={{ my: 1, height: 8, borderRadius: 4 }}
      />
      <Box
        component="dl"
        sx={{
          m: 0,
          display: "flex",
          flexWrap: "wrap",
          columnGap: 4,
          rowGap: 1,
        }}
      >
        <Part label={translate("billing.usage_used")}>{count(used ?? 0)}</Part>
        <Part label={translate("billing.usage_held")}>{count(held ?? 0)}</Part>
        <Part label={translate("billing.usage_left")}>
          {count(remaining ?? 0)}
        </Part>
        {next === undefined ? (
          <Part label={translate("billing.usage_ends")}>{day(endsAt)}</Part>
        ) : (
          <Part label={translate("billing.usage_renews")}>
            {translate("billing.usage_renews_on", {
              day: day(next.happensAt),
              credits: count(next.credits ?? 0),
            })}
          </Part>
        )}
      </Box>
    </Box>
  );
};

const WalletRow = ({ owner }: { owner: WalletOwner }) => {
  const { translate, count } = useSay();
  const wallet = useWallet(owner);
  return (
    <Box
      sx={{
        display: "flex",
        flexWrap: "wrap",
        alignItems: "flex-end",
        justifyContent: "space-between",
        columnGap: 2,
        rowGap: 1,
      }}
    >
      <Box component="dl" sx={{ m: 0 }}>
        <Typography component="dt" variant="caption" color="textSecondary">
          {translate("billing.usage_wallet")}{" "}
          <Definition text={translate("wallet.available_definition")} />
        </Typography>
        <Typography
          component="dd"
          variant="h4"
          sx={{ m: 0, fontVariantNumeric: "tabular-nums lining-nums" }}
        >
          <Loaded query={wallet} height={36}>
            {(own) =>
              own === null ? (
                "–"
              ) : (
                <Link component={LinkBase} to="/wallet" color="inherit">
                  {count(own.remaining)}
                </Link>
              )
            }
          </Loaded>
        </Typography>
      </Box>
      <Box sx={{ display: "flex", flexWrap: "wrap", gap: 1 }}>
        <Button
          size="small"
          component={LinkBase}
          to={jobsLink(
            {
              payer: isOfBrand(owner) ? "brand" : "user",
              "id@within": DAYS_30,
            },
            isOfBrand(owner),
          )}
        >
          {translate("billing.usage_jobs")}
        </Button>
        <Button size="small" component={LinkBase} to="/wallet">
          {translate("billing.usage_open_wallet")}
        </Button>
      </Box>
    </Box>
  );
};

/** What Pro was used for: try-ons that cost nothing. */
const ProUse = () => {
  const { translate, count } = useSay();
  const { data: grants = [] } = useGrants();
  const { data: gifts = [] } = useEntitlements(true);
  const hasHadPro =
    gifts.length > 0 || grants.some(({ kind }) => kind === "pro");
  const { data } = useAggregates(
    "tryon_jobs",
    { filter: WITH_PRO },
    { enabled: hasHadPro },
  );
  if (!hasHadPro) return null;
  return (
    <Box component="dl" sx={{ m: 0, mb: 2 }}>
      <Typography component="dt" variant="caption" color="textSecondary">
        {translate("billing.usage_pro")}{" "}
        <Definition text={translate("billing.usage_pro_definition")} />
      </Typography>
      <Typography
        component="dd"
        variant="h4"
        sx={{ m: 0, fontVariantNumeric: "tabular-nums lining-nums" }}
      >
        {data === undefined ? (
          <Skeleton width={60} />
        ) : (
          <Link component={LinkBase} to={jobsLink(WITH_PRO)} color="inherit">
            {count(data.total)}
          </Link>
        )}
      </Typography>
    </Box>
  );
};

/** The credits of the plan in this month, and how long the wallet lasts. */
export const CreditsPanel = ({ owner }: { owner: WalletOwner }) => {
  const { translate } = useSay();
  const ofBrand = isOfBrand(owner);
  const allowance = useAllowance(ofBrand);
  const { data: plans = [] } = usePlans();
  return (
    <Panel
      title={translate("billing.usage")}
      action={
        ofBrand && (
          <Box sx={{ display: "flex", gap: 1, alignItems: "center" }}>
            <AsOf at={allowance.dataUpdatedAt} />
            <Definition text={translate("billing.usage_definition")} />
          </Box>
        )
      }
      sx={{ minWidth: 0 }}
    >
      {ofBrand ? (
        <Loaded query={allowance} height={110}>
          {(rows) =>
            rows.length === 0 ? (
              <Typography variant="body2" color="textSecondary" sx={{ mb: 2 }}>
                {translate("billing.usage_none")}
              </Typography>
            ) : (
              rows.map((row) => (
                <AllowanceRow
                  key={row.subscriptionId}
                  allowance={row}
                  plan={plans.find(
                    (plan) => plan.subscriptionId === row.subscriptionId,
                  )}
                />
              ))
            )
          }
        </Loaded>
      ) : (
        <>
          <Typography variant="body2" color="textSecondary" sx={{ mb: 2 }}>
            {translate("billing.usage_none_shopper")}
          </Typography>
          <ProUse />
        </>
      )}
      <WalletRow owner={owner} />
      <ForecastRow owner={owner} />
    </Panel>
  );
};
