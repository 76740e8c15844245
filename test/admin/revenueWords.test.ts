import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { revenueMessages } from "../../admin/src/i18n/revenue.ts";

/** Cells of the tables of docs/metrics.md: the first is what it defines. */
const cells = readFileSync(
  join(import.meta.dirname, "../../docs/metrics.md"),
  "utf8",
)
  .split("\n")
  .filter((line) => line.startsWith("|"))
  .map((line) => line.split("|").map((cell) => cell.trim()));

const defined = (label: string, definition: string): boolean =>
  cells.some(([, name, words]) => name === label && words === definition);

describe("a figure says the same on its page and in docs/metrics.md", () => {
  const { revenue, inbox } = revenueMessages;
  const { leaderboard } = revenue;

  it.each([
    ...Object.values(revenue.figures).map(
      ({ label, definition }) => [label, definition] as const,
    ),
    ...Object.values(inbox.figures).map(
      ({ label, definition }) => [label, definition] as const,
    ),
    [leaderboard.mrr, leaderboard.mrr_definition],
    [leaderboard.change, leaderboard.change_definition],
    [leaderboard.share, leaderboard.share_definition],
    [leaderboard.arr, leaderboard.arr_definition],
    [leaderboard.subscriptions, leaderboard.subscriptions_definition],
    [leaderboard.tryons, leaderboard.tryons_definition],
    [leaderboard.ltv_cac, leaderboard.ltv_cac_definition],
  ])("%s: %s", (label, definition) => {
    expect(defined(label, definition)).toBe(true);
  });
});
