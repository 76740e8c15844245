import DatasetIcon from "@mui/icons-material/DatasetOutlined";
import ModelIcon from "@mui/icons-material/ModelTrainingOutlined";
import TokenIcon from "@mui/icons-material/TokenOutlined";
import PremiumIcon from "@mui/icons-material/WorkspacePremiumOutlined";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { ComponentType, ReactNode } from "react";

import { AsOf } from "../components/AsOf.tsx";
import { Loaded } from "../components/Loaded.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { Entitlement, Grant } from "./billingApi.ts";
import { useEntitlements, useGrants, usePlans } from "./billingApi.ts";
import { isGift, whyWords } from "./billingWords.ts";
import { useSay } from "./useSay.ts";

const ICONS: Readonly<Record<string, ComponentType>> = {
  pro: PremiumIcon,
  monthly_credits: TokenIcon,
  dataset_access: DatasetIcon,
  custom_models: ModelIcon,
};

const KINDS = Object.keys(ICONS);

const Row = ({
  kind,
  title,
  state,
  why,
  when,
}: {
  kind: string;
  title: string;
  state: "active" | "ended" | "future";
  why: string;
  when: ReactNode;
}) => {
  const Icon = ICONS[kind] ?? TokenIcon;
  return (
    <Box
      component="li"
      sx={{
        display: "flex",
        gap: 1.5,
        py: 1.5,
        borderTop: 1,
        borderColor: "divider",
        "&:first-of-type": { borderTop: 0, pt: 0 },
      }}
    >
      <Box
        aria-hidden="true"
        sx={{
          display: "flex",
          pt: "2px",
          color: state === "active" ? "secondary.main" : "text.secondary",
        }}
      >
        <Icon />
      </Box>
      <Box sx={{ flex: 1, minWidth: 0 }}>
        <Box
          sx={{
            display: "flex",
            flexWrap: "wrap",
            columnGap: 1.5,
            rowGap: 0.5,
            alignItems: "center",
            justifyContent: "space-between",
          }}
        >
          <Typography variant="subtitle2" component="span">
            {title}
          </Typography>
          <StatusChip
            tone={state === "active" ? "success" : "quiet"}
            label={`billing.grant_${state}`}
          />
        </Box>
        <Typography
          variant="body2"
          component="p"
          sx={{ mt: 0.25, overflowWrap: "anywhere" }}
        >
          {why}
        </Typography>
        <Typography variant="caption" color="textSecondary" component="p">
          {when}
        </Typography>
      </Box>
    </Box>
  );
};

/** The names that the reader's own plans give to prices. */
const usePriceNames = (enabled: boolean): ReadonlyMap<string, string> => {
  const { data = [] } = usePlans({ enabled });
  return new Map(
    data.flatMap(({ items }) =>
      items.flatMap(({ priceId, name }) =>
        name === null ? [] : [[priceId, name] as const],
      ),
    ),
  );
};

const GrantRow = ({
  grant,
  names,
}: {
  grant: Grant;
  names: ReadonlyMap<string, string>;
}) => {
  const { translate, count } = useSay();
  const { words, prices } = whyWords(grant.why);
  const title =
    grant.kind === "dataset_access" && grant.tier !== null
      ? `dataset_access_${grant.tier}`
      : grant.kind;
  return (
    <Row
      kind={grant.kind}
      title={translate(`billing.grant.${title}`, {
        amount: count(grant.amount ?? 0),
        _: grant.kind,
      })}
      state={grant.active ? "active" : "ended"}
      why={
        words === null
          ? grant.why
          : translate(words, {
              prices: [
                ...new Set(
                  prices.map(
                    (id) => names.get(id) ?? translate("billing.why_price"),
                  ),
                ),
              ].join(", "),
              _: grant.why,
            })
      }
      when={
        <>
          {translate("billing.grant_since")}{" "}
          <RelativeTime value={grant.since} isPast />
        </>
      }
    />
  );
};

const GiftRow = ({ gift, now }: { gift: Entitlement; now: number }) => {
  const { translate } = useSay();
  const begins = new Date(gift.startsAt).getTime() > now;
  const over = gift.endsAt !== null && new Date(gift.endsAt).getTime() <= now;
  return (
    <Row
      kind="pro"
      title={translate("billing.grant.pro")}
      state={over ? "ended" : begins ? "future" : "active"}
      why={translate("billing.gift")}
      when={
        <>
          {translate(begins ? "billing.grant_from" : "billing.grant_since")}{" "}
          <RelativeTime value={gift.startsAt} />
          {gift.endsAt !== null && (
            <>
              {" "}
              {translate("billing.grant_until")}{" "}
              <RelativeTime value={gift.endsAt} />
            </>
          )}
        </>
      }
    />
  );
};

/** What is granted, since when, and why: each with its price and the state of its subscription. */
export const GrantsPanel = ({
  ofShopper = false,
  namesPrices,
}: {
  ofShopper?: boolean;
  /** Whether the reader may see the plans, which give prices their names. */
  namesPrices: boolean;
}) => {
  const { translate } = useSay();
  const grants = useGrants();
  const { data: entitlements = [] } = useEntitlements(ofShopper);
  const names = usePriceNames(namesPrices);
  const gifts = entitlements
    .filter(isGift)
    .sort((a, b) => b.startsAt.localeCompare(a.startsAt));
  return (
    <Panel
      title={translate("billing.grants")}
      action={<AsOf at={grants.dataUpdatedAt} />}
      sx={{ minWidth: 0 }}
    >
      <Loaded query={grants} height={160}>
        {(rows) =>
          rows.length === 0 && gifts.length === 0 ? (
            <Typography color="textSecondary">
              {translate("billing.grants_empty")}
            </Typography>
          ) : (
            <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
              {[...rows]
                .sort(
                  (a, b) =>
                    Number(b.active) - Number(a.active) ||
                    KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) ||
                    b.since.localeCompare(a.since),
                )
                .map((grant) => (
                  <GrantRow
                    key={`${grant.subscriptionId} ${grant.kind}`}
                    grant={grant}
                    names={names}
                  />
                ))}
              {gifts.map((gift) => (
                <GiftRow
                  key={gift.rowId}
                  gift={gift}
                  now={grants.dataUpdatedAt}
                />
              ))}
            </Box>
          )
        }
      </Loaded>
    </Panel>
  );
};
