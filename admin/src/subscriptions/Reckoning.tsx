import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useLocale, useTranslate } from "react-admin";

import { formatDay } from "../catalog/fields/text.ts";
import { useCurrencies } from "../components/useLookups.ts";
import { formatMoney } from "../format.ts";
import { useTokens } from "../theme/useTokens.ts";
import type { Step } from "./steps.ts";
import type { SubscriptionPage } from "./useSubscription.ts";
import { useSteps } from "./useSubscription.ts";

const useReckoningWords = (subscription: SubscriptionPage) => {
  const translate = useTranslate();
  const locale = useLocale();
  const { exponentOf } = useCurrencies();
  const { currency } = subscription;
  const money = (minor: number) =>
    formatMoney(minor, currency, exponentOf(currency), locale);
  const usd = (minor: number) =>
    formatMoney(minor, "usd", exponentOf("usd"), locale);
  const number = (value: number) =>
    new Intl.NumberFormat(locale, { maximumFractionDigits: 12 }).format(value);
  const names = new Map(
    subscription.items.nodes.map((item) => [
      item.rowId,
      item.price?.product?.name || item.priceId,
    ]),
  );
  const every = (interval: string, count: number) =>
    translate(`subscriptions.every.${interval}`, { smart_count: count });
  return { translate, locale, money, usd, number, names, every };
};

type Line = {
  title: string;
  body?: ReactNode;
  amount?: string;
  strong?: boolean;
};

const useLine = (subscription: SubscriptionPage) => {
  const { translate, locale, money, usd, number, names, every } =
    useReckoningWords(subscription);
  const t = (key: string, options?: Record<string, unknown>) =>
    translate(`subscriptions.steps.${key}`, options);
  return (step: Step): Line => {
    switch (step.step) {
      case "status":
        return {
          title: t(step.counts ? "status_counts" : "status_not", {
            status: translate(`subscriptions.status.${step.status}`, {
              _: step.status,
            }),
          }),
          ...(step.counts ? {} : { amount: money(0), strong: true }),
        };
      case "item": {
        const parts: string[] = [];
        if (step.quantity === null) parts.push(t("quantity_none"));
        if (step.transform?.divide_by !== undefined) {
          parts.push(
            t(`transform_${step.transform.round === "up" ? "up" : "down"}`, {
              quantity: number(step.quantity ?? 1),
              by: number(step.transform.divide_by),
              counted: number(step.counted),
            }),
          );
        }
        return {
          title: names.get(step.item) ?? step.price,
          body: (
            <>
              {parts.map((part) => (
                <div key={part}>{part}</div>
              ))}
              {step.tiers === null ? (
                <div>
                  {t("times", {
                    counted: number(step.counted),
                    unit: money(step.unit_amount ?? 0),
                    every: every(step.interval, step.interval_count),
                  })}
                </div>
              ) : (
                <>
                  <div>
                    {t(
                      step.tiers_mode === "volume"
                        ? "tiers_volume"
                        : "tiers_graduated",
                      {
                        counted: number(step.counted),
                        every: every(step.interval, step.interval_count),
                      },
                    )}
                  </div>
                  {step.tiers.map((tier) => (
                    <div key={tier.above}>
                      {t(tier.flat_amount === 0 ? "tier" : "tier_flat", {
                        units: number(tier.units),
                        unit: money(tier.unit_amount),
                        flat: money(tier.flat_amount),
                        amount: money(tier.amount),
                      })}
                    </div>
                  ))}
                </>
              )}
            </>
          ),
          amount: money(step.amount),
        };
      }
      case "left_out":
        return {
          title: names.get(step.item) ?? step.price,
          body: t(`left_out_${step.why}`),
          amount: money(0),
        };
      case "discount":
        return {
          title: t(step.item === null ? "discount_all" : "discount_item", {
            coupon: step.coupon_id ?? "",
            name: step.item === null ? "" : (names.get(step.item) ?? ""),
          }),
          body:
            step.kind === "percent"
              ? t("discount_percent", {
                  percent: number(step.percent_off ?? 0),
                })
              : step.kind === "amount"
                ? t("discount_amount", { amount: money(step.amount_off ?? 0) })
                : t("discount_not", {
                    duration: translate(
                      `subscriptions.duration.${step.duration ?? "ended"}`,
                      { _: step.duration ?? "" },
                    ),
                  }),
          amount: money(step.amount),
        };
      case "interval":
        return {
          title: t("interval"),
          body: t("interval_body", {
            charged: money(step.charged),
            every: every(step.interval, step.interval_count),
            a_year: number(step.a_year),
            months: number(12 * step.interval_count),
          }),
          amount: money(step.amount),
        };
      case "rounding":
        return {
          title: t("rounding"),
          body: Number.isInteger(step.exact)
            ? t("rounding_not")
            : t("rounding_body", { exact: money(step.exact) }),
          amount: money(step.amount),
          strong: true,
        };
      case "currency":
        return step.currency === "usd"
          ? { title: t("usd"), amount: usd(step.usd_minor), strong: true }
          : {
              title: t("currency"),
              body: t("currency_body", {
                amount: money(step.amount),
                rate: number(step.rate),
                currency: step.currency.toUpperCase(),
                date:
                  step.rate_date === null
                    ? ""
                    : formatDay(step.rate_date, locale),
              }),
              amount: usd(step.usd_minor),
              strong: true,
            };
      case "review":
        return {
          title: t("review"),
          body: step.note,
          amount: money(0),
          strong: true,
        };
    }
  };
};

/** What to do about a review, by what is missing. */
const adviceOf = (note: string): string =>
  /exchange rate/.test(note)
    ? "rate"
    : /tiers/.test(note)
      ? "tiers"
      : /discount/i.test(note)
        ? "discount"
        : /several intervals/.test(note)
          ? "intervals"
          : /not known/.test(note)
            ? "price"
            : "other";

export const ReviewNote = ({ note }: { note: string }) => {
  const translate = useTranslate();
  return (
    <Alert severity="warning">
      <strong>{translate("subscriptions.needs_review", { note })}</strong>{" "}
      {translate(`subscriptions.advice.${adviceOf(note)}`)}
    </Alert>
  );
};

/** How the MRR came about, as somebody would reckon it on paper. */
export const Reckoning = ({
  subscription,
}: {
  subscription: SubscriptionPage;
}) => {
  const c = useTokens();
  const { data } = useSteps(subscription.id);
  const lineOf = useLine(subscription);
  if (data === undefined) return <Skeleton variant="rounded" height={220} />;
  return (
    <Box component="ol" sx={{ listStyle: "none", m: 0, p: 0 }}>
      {data.map((step, at) => {
        const { title, body, amount, strong = false } = lineOf(step);
        return (
          <Box
            component="li"
            key={at}
            sx={{
              display: "flex",
              gap: 2,
              justifyContent: "space-between",
              py: 1.25,
              "& + &": { borderTop: `1px solid ${c.line}` },
            }}
          >
            <Box sx={{ minWidth: 0 }}>
              <Typography
                variant="subtitle2"
                component="div"
                sx={{ overflowWrap: "anywhere" }}
              >
                {title}
              </Typography>
              {body !== undefined && (
                <Typography
                  variant="body2"
                  color="textSecondary"
                  component="div"
                  sx={{ overflowWrap: "anywhere" }}
                >
                  {body}
                </Typography>
              )}
            </Box>
            {amount !== undefined && (
              <Typography
                component="span"
                sx={{
                  whiteSpace: "nowrap",
                  fontVariantNumeric: "tabular-nums lining-nums",
                  fontWeight: strong ? 700 : 500,
                }}
              >
                {amount}
              </Typography>
            )}
          </Box>
        );
      })}
    </Box>
  );
};
