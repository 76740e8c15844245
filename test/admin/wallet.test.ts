import { describe, expect, it } from "@jest/globals";

import { walletMessages } from "../../admin/src/i18n/wallet.ts";
import {
  formatMs,
  formatShare,
  formatSpan,
} from "../../admin/src/operations/words.ts";
import {
  entryWords,
  signed,
  tellingReason,
} from "../../admin/src/wallet/entryWords.ts";

const entry = (
  kind: Parameters<typeof entryWords>[0]["kind"],
  { source = null as string | null, heldChange = 0 } = {},
) => entryWords({ kind, source, heldChange });

describe("an entry of the ledger in words", () => {
  it.each([
    [entry("grant", { source: "free_monthly" }), "wallet.entry.free_monthly"],
    [entry("grant", { source: "adjustment" }), "wallet.entry.adjustment"],
    [
      entry("grant", { source: "a source of tomorrow" }),
      "wallet.entry.granted",
    ],
    [entry("grant"), "wallet.entry.granted"],
    [entry("hold"), "wallet.entry.hold"],
    [entry("capture"), "wallet.entry.capture"],
    [entry("release"), "wallet.entry.release"],
    [entry("adjust"), "wallet.entry.adjust"],
    [entry("expire"), "wallet.entry.expire"],
    [entry("expire", { heldChange: -1 }), "wallet.entry.expire_held"],
  ])("%s", (key, expected) => {
    expect(key).toBe(expected);
    const words: Record<string, string> = walletMessages.wallet.entry;
    expect(words[key.split(".").at(-1) ?? ""]).toBeTruthy();
  });

  it("tells a reason that adds something", () => {
    expect([
      tellingReason("Correction by ClosetAI"),
      tellingReason("The try-on these were given for came to nothing"),
      tellingReason(null),
    ]).toEqual([null, "The try-on these were given for came to nothing", null]);
  });

  it("carries the sign that books write", () => {
    expect([signed(25), signed(-1_500), signed(0)]).toEqual([
      "+25",
      "−1,500",
      "–",
    ]);
  });
});

describe("a time span", () => {
  it.each([
    [0, "0 s"],
    [-3, "0 s"],
    [59.4, "59 s"],
    [60, "1 min"],
    [200, "3 min 20 s"],
    [7_500, "2 h 5 min"],
    [90_061, "1 d 1 h"],
  ])("of %d seconds reads %s", (seconds, text) => {
    expect(formatSpan(seconds)).toBe(text);
  });

  it("can be had in its largest part alone", () => {
    expect(formatSpan(7_500, 1)).toBe("2 h");
  });

  it.each([
    [820, "820 ms"],
    [1_240, "1.2 s"],
    [14_000, "14 s"],
    [125_000, "2 min 5 s"],
  ])("of %d ms reads %s", (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });

  it("shares are percentages with one digit at most", () => {
    expect([formatShare(1), formatShare(0.9231)]).toEqual(["100%", "92.3%"]);
  });
});
