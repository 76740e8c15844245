import ArrowDownIcon from "@mui/icons-material/ArrowDownward";
import ArrowUpIcon from "@mui/icons-material/ArrowUpward";
import Box from "@mui/material/Box";
import Tooltip from "@mui/material/Tooltip";
import { useLocale, useTranslate } from "react-admin";

import { useTokens } from "../theme/useTokens.ts";

/** What a figure measures: an amount or a count changes by a share, a ratio by points. */
export type Measure = "amount" | "ratio" | "times";

/** null where there is nothing to compare with. */
export function changeOf(
  measure: Measure,
  value: number | null | undefined,
  before: number | null | undefined,
): number | null {
  if (value == null || before == null) return null;
  if (measure !== "amount") return value - before;
  return before === 0 ? null : (value - before) / before;
}

const useChangeWords = (measure: Measure) => {
  const locale = useLocale();
  const translate = useTranslate();
  return (change: number): string => {
    const number = (value: number, digits: number) =>
      new Intl.NumberFormat(locale, {
        minimumFractionDigits: digits,
        maximumFractionDigits: digits,
      }).format(Math.abs(value));
    switch (measure) {
      case "amount":
        return `${number(change * 100, 1)} %`;
      case "ratio":
        return translate("revenue.change.points", {
          points: number(change * 100, 1),
        });
      case "times":
        return number(change, 2);
    }
  };
};

/** How a figure stands against the period before: an arrow, a number, and both in words. */
export const Change = ({
  measure,
  value,
  before,
  beforeText,
  goodIs,
}: {
  measure: Measure;
  value: number | null | undefined;
  before: number | null | undefined;
  /** The figure of before, as it was shown. */
  beforeText: string;
  goodIs: "up" | "down";
}) => {
  const translate = useTranslate();
  const c = useTokens();
  const wordsOf = useChangeWords(measure);
  const change = changeOf(measure, value, before);
  const was = translate("revenue.change.before", { value: beforeText });
  if (change === null) return <span>{was}</span>;
  const isFlat = Math.abs(change) < 0.000_05;
  if (isFlat) return <span>{translate("revenue.change.same")}</span>;
  const isUp = change > 0;
  const Icon = isUp ? ArrowUpIcon : ArrowDownIcon;
  return (
    <Tooltip title={was}>
      <Box
        component="span"
        // Above the link that covers the card, so that it can be pointed at.
        sx={{
          position: "relative",
          zIndex: 1,
          display: "inline-flex",
          alignItems: "center",
          gap: 0.25,
          fontWeight: 600,
          color: isUp === (goodIs === "up") ? c.success : c.error,
          fontVariantNumeric: "tabular-nums",
        }}
      >
        <Icon sx={{ fontSize: 16 }} aria-hidden="true" />
        <span className="visually-hidden">
          {translate(isUp ? "revenue.change.up" : "revenue.change.down")}{" "}
        </span>
        {wordsOf(change)}
        <span className="visually-hidden">, {was}</span>
      </Box>
    </Tooltip>
  );
};
