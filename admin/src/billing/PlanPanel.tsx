import OpenInNewIcon from "@mui/icons-material/OpenInNewOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";

import { AsOf } from "../components/AsOf.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { Loaded } from "../components/Loaded.tsx";
import { Panel } from "../components/Panel.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { Coming, Discount, Plan, PlanItem } from "./billingApi.ts";
import { usePlans, useUpcoming } from "./billingApi.ts";
import { httpsUrl, isOver, outlookOf, planState } from "./billingWords.ts";
import { useSay } from "./useSay.ts";

const ItemRow = ({ item, named }: { item: PlanItem; named: boolean }) => {
  const { translate, money, price } = useSay();
  const { amountMinor, currency, quantity, unitMinor } = item;
  return (
    <Box component="li" sx={{ "& + &": { mt: 1 } }}>
      {named && item.isKnown && (
        <Typography
          component="span"
          variant="subtitle2"
          sx={{ display: "block" }}
        >
          {item.name ?? translate("billing.plan_unnamed")}
        </Typography>
      )}
      <Typography
        component="span"
        variant={named ? "body2" : "h6"}
        sx={{ fontVariantNumeric: "tabular-nums" }}
      >
        {item.isMetered
          ? translate("billing.price_per_use")
          : amountMinor === null || currency === null
            ? translate(
                item.isKnown
                  ? "billing.price_on_page"
                  : "billing.price_unknown",
              )
            : price(amountMinor, currency, item.interval, item.intervalCount)}
      </Typography>
      {quantity !== null &&
        quantity > 1 &&
        unitMinor !== null &&
        currency !== null &&
        !item.isMetered && (
          <Typography
            component="span"
            variant="caption"
            color="textSecondary"
            sx={{ ml: 1, whiteSpace: "nowrap" }}
          >
            {translate("billing.each", {
              count: quantity,
              amount: money(unitMinor, currency),
            })}
          </Typography>
        )}
      {!item.isKnown && (
        <Typography
          variant="caption"
          color="textSecondary"
          component="p"
          sx={{ overflowWrap: "anywhere" }}
        >
          {translate("billing.price_unknown_hint", { id: item.priceId })}
        </Typography>
      )}
    </Box>
  );
};

const DiscountLine = ({ discount }: { discount: Discount }) => {
  const { translate, money, day } = useSay();
  const { percentOff, amountOff, currency, duration, endsAt, name } = discount;
  const what =
    percentOff !== null
      ? translate("billing.discount_percent", { percent: percentOff })
      : amountOff !== null
        ? translate("billing.discount_amount", {
            amount: money(amountOff, currency ?? ""),
          })
        : translate("billing.discount_unknown");
  const until =
    endsAt !== null
      ? translate("billing.discount_until", { day: day(endsAt) })
      : duration === "once" || duration === "forever"
        ? translate(`billing.discount_${duration}`)
        : translate("billing.discount_open");
  return (
    <Typography variant="body2" component="li">
      {name === null ? what : `${name}: ${what}`}, {until}
    </Typography>
  );
};

const Fact = ({ label, children }: { label: string; children: ReactNode }) => (
  <div>
    <Typography component="dt" variant="caption" color="textSecondary">
      {label}
    </Typography>
    <Typography component="dd" variant="body2" sx={{ m: 0 }}>
      {children}
    </Typography>
  </div>
);

const PlanCard = ({
  plan,
  upcoming,
  now,
}: {
  plan: Plan;
  upcoming: readonly Coming[];
  now: Date;
}) => {
  const { translate, money, day, count, sentence, nameOf } = useSay();
  const { words, tone } = planState(plan);
  const payUrl = httpsUrl(plan.payUrl);
  const [only] = plan.items;
  const isPlain = plan.items.length === 1 && only !== undefined && only.isKnown;
  return (
    <Box
      component="article"
      sx={{
        py: 2.5,
        borderTop: 1,
        borderColor: "divider",
        "&:first-of-type": { borderTop: 0, pt: 0 },
        "&:last-of-type": { pb: 0 },
      }}
    >
      <Box
        sx={{
          display: "flex",
          flexWrap: "wrap",
          alignItems: "center",
          justifyContent: "space-between",
          gap: 1,
          mb: 1,
        }}
      >
        <Typography
          component="h3"
          variant="h4"
          sx={{ overflowWrap: "anywhere", minWidth: 0 }}
        >
          {nameOf(plan)}
        </Typography>
        <StatusChip tone={tone} label={words} />
      </Box>
      <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0, mb: 1.5 }}>
        {plan.items.length === 0 ? (
          <Typography component="li" variant="body2" color="textSecondary">
            {translate("billing.price_unknown")}
          </Typography>
        ) : (
          plan.items.map((item) => (
            <ItemRow key={item.itemId} item={item} named={!isPlain} />
          ))
        )}
      </Box>
      {outlookOf(plan, upcoming, now).map((line) => (
        <Typography key={`${line.words} ${line.at ?? ""}`} sx={{ mb: 0.5 }}>
          {sentence(line)}
        </Typography>
      ))}
      {plan.discounts.length > 0 && (
        <Box component="ul" sx={{ m: 0, mt: 1, pl: 2.5 }}>
          {plan.discounts.map((discount, at) => (
            <DiscountLine
              key={`${discount.scope} ${discount.discountId ?? at}`}
              discount={discount}
            />
          ))}
        </Box>
      )}
      <Box
        component="dl"
        sx={{
          m: 0,
          mt: 1.5,
          display: "flex",
          flexWrap: "wrap",
          columnGap: 4,
          rowGap: 1,
        }}
      >
        <Fact label={translate("billing.since")}>{day(plan.startedAt)}</Fact>
        {plan.periodStart !== null && plan.periodEnd !== null && (
          <Fact label={translate("billing.period")}>
            {translate("billing.period_of", {
              start: day(plan.periodStart),
              end: day(plan.periodEnd),
            })}
          </Fact>
        )}
        {isPlain && !only.isMetered && (
          <Fact label={translate("billing.quantity")}>
            {count(only.quantity ?? 1)}
          </Fact>
        )}
      </Box>
      {plan.owedMinor > 0 && (
        <Box
          sx={{
            mt: 2,
            display: "flex",
            flexWrap: "wrap",
            gap: 1.5,
            alignItems: "center",
          }}
        >
          <Typography variant="subtitle2" component="span">
            {translate("billing.owed", {
              amount: money(plan.owedMinor, plan.currency),
            })}
          </Typography>
          {payUrl !== null && (
            <Button
              variant="contained"
              href={payUrl}
              target="_blank"
              rel="noopener noreferrer"
              endIcon={<OpenInNewIcon />}
            >
              {translate("billing.open_invoice")}
            </Button>
          )}
        </Box>
      )}
    </Box>
  );
};

const NoPlan = ({
  last,
  invitation,
}: {
  last: Plan | undefined;
  invitation: string;
}) => {
  const { translate, day, nameOf } = useSay();
  const was =
    last === undefined
      ? ""
      : `${translate("billing.was", {
          name: nameOf(last),
          day: day(last.endedAt ?? last.canceledAt),
        })} `;
  return (
    <EmptyState
      dense
      category="hats"
      color="plum"
      title={translate("billing.none_title")}
      body={was + translate(invitation)}
    />
  );
};

const Earlier = ({ plans }: { plans: readonly Plan[] }) => {
  const { translate, day, nameOf } = useSay();
  return (
    <Box sx={{ mt: 2, pt: 2, borderTop: 1, borderColor: "divider" }}>
      <Typography component="h3" variant="subtitle2" color="textSecondary">
        {translate("billing.earlier")}
      </Typography>
      <Box component="ul" sx={{ m: 0, mt: 0.5, pl: 2.5 }}>
        {plans.map((plan) => (
          <Typography
            key={plan.subscriptionId}
            component="li"
            variant="body2"
            sx={{ overflowWrap: "anywhere" }}
          >
            {plan.status === "incomplete_expired"
              ? `${nameOf(plan)}: ${translate("billing.status.incomplete_expired")}`
              : translate("billing.was", {
                  name: nameOf(plan),
                  day: day(plan.endedAt ?? plan.canceledAt),
                })}
          </Typography>
        ))}
      </Box>
    </Box>
  );
};

/** Each subscription: what it is, what it costs, and what comes of it. */
export const PlanPanel = ({ invitation }: { invitation: string }) => {
  const { translate } = useSay();
  const plans = usePlans();
  const { data: upcoming = [] } = useUpcoming();
  const running = plans.data?.filter((plan) => !isOver(plan)) ?? [];
  return (
    <Panel
      title={translate(running.length > 1 ? "billing.plans" : "billing.plan")}
      action={<AsOf at={plans.dataUpdatedAt} />}
      sx={{ minWidth: 0 }}
    >
      <Loaded query={plans} height={220}>
        {(all) => {
          const over = all.filter(isOver);
          return (
            <>
              {running.length === 0 ? (
                <NoPlan last={over[0]} invitation={invitation} />
              ) : (
                running.map((plan) => (
                  <PlanCard
                    key={plan.subscriptionId}
                    plan={plan}
                    upcoming={upcoming}
                    now={new Date(plans.dataUpdatedAt)}
                  />
                ))
              )}
              {running.length > 0 && over.length > 0 && (
                <Earlier plans={over.slice(0, 5)} />
              )}
            </>
          );
        }}
      </Loaded>
    </Panel>
  );
};
