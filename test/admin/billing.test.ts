import { describe, expect, it } from "@jest/globals";

import type {
  Coming,
  Offer,
  Plan,
} from "../../admin/src/billing/billingApi.ts";
import {
  askedBy,
  chargeWords,
  contactLink,
  givesOf,
  httpsUrl,
  intervalWords,
  invoiceState,
  isGift,
  outlookOf,
  parseReturn,
  planState,
  signatureOf,
  whyWords,
} from "../../admin/src/billing/billingWords.ts";
import { en } from "../../admin/src/i18n/en.ts";

const NOW = new Date("2026-11-30T12:00:00Z");
const SOON = "2026-12-14T00:00:00Z";
const PAST = "2026-11-01T00:00:00Z";

const plan = (overrides: Partial<Plan> = {}): Plan => ({
  subscriptionId: "sub_1",
  status: "active",
  currency: "usd",
  startedAt: PAST,
  trialEnd: null,
  endsAt: null,
  canceledAt: null,
  endedAt: null,
  pausedAs: null,
  resumesAt: null,
  periodStart: PAST,
  periodEnd: SOON,
  owedMinor: 0,
  payBefore: null,
  payUrl: null,
  isCounted: true,
  items: [],
  discounts: [],
  ...overrides,
});

const coming = (kind: string, overrides: Partial<Coming> = {}): Coming => ({
  happensAt: SOON,
  kind,
  subjectId: "sub_1",
  subscriptionId: "sub_1",
  name: "Studio",
  amountMinor: 9900,
  currency: "usd",
  hasUsage: false,
  atMost: false,
  isCollected: true,
  credits: null,
  ...overrides,
});

/** The message behind a key; undefined where nobody wrote one. */
const messageOf = (key: string): unknown =>
  key
    .split(".")
    .reduce<unknown>(
      (messages, part) =>
        (messages as Record<string, unknown> | undefined)?.[part],
      en,
    );

const words = (of: Plan, upcoming: Coming[] = []) =>
  outlookOf(of, upcoming, NOW).map((line) =>
    line.words.replace("billing.outlook.", ""),
  );

describe("what becomes of a plan", () => {
  it.each<[string, Partial<Plan>, Coming[], string[]]>([
    ["renews", {}, [coming("renews")], ["renews"]],
    [
      "renews on each day of its items",
      {},
      [
        coming("renews"),
        coming("renews", { happensAt: "2027-01-01T00:00:00Z" }),
      ],
      ["renews", "renews"],
    ],
    [
      "renews without being collected",
      { pausedAs: "void", resumesAt: SOON },
      [coming("renews", { isCollected: false })],
      ["renews_uncollected", "collection_void_until"],
    ],
    [
      "is paused in a way nobody knows",
      { pausedAs: "constructor" },
      [],
      ["collection_paused"],
    ],
    [
      "ends when it was cancelled",
      { endsAt: SOON },
      [coming("ends")],
      ["ends"],
    ],
    [
      "is charged after its trial",
      { status: "trialing", trialEnd: SOON },
      [coming("trial_ends")],
      ["trial_ends"],
    ],
    [
      "stops with its trial",
      { status: "trialing", trialEnd: SOON, endsAt: SOON },
      [coming("ends")],
      ["trial_stops"],
    ],
    ["is on trial without an end", { status: "trialing" }, [], ["trial"]],
    [
      "waits for its first payment",
      { status: "incomplete" },
      [],
      ["incomplete"],
    ],
    ["never began", { status: "incomplete_expired" }, [], ["never_began"]],
    [
      "is overdue",
      { status: "past_due" },
      [coming("renews")],
      ["past_due", "renews"],
    ],
    [
      "is overdue until a day",
      { status: "past_due", payBefore: SOON },
      [],
      ["past_due_before"],
    ],
    [
      "is overdue since a day",
      { status: "past_due", payBefore: PAST },
      [],
      ["past_due_late"],
    ],
    ["is unpaid", { status: "unpaid" }, [], ["unpaid"]],
    [
      "is unpaid since a day",
      { status: "unpaid", payBefore: PAST },
      [],
      ["unpaid_late"],
    ],
    ["is paused after its trial", { status: "paused" }, [], ["paused"]],
    ["has ended", { status: "canceled", endedAt: PAST }, [], ["ended"]],
    ["is told late about", { periodEnd: PAST }, [], ["period_over"]],
    ["is not told about", { periodEnd: null }, [], ["unknown"]],
    [
      "is not what comes of another plan",
      {},
      [coming("renews", { subscriptionId: "sub_2" })],
      ["unknown"],
    ],
  ])("%s", (_name, of, upcoming, expected) => {
    expect(words(plan(of), upcoming)).toEqual(expected);
  });

  it("has words for all of it, whatever is known of the charge", () => {
    const statuses = [
      "active",
      "trialing",
      "past_due",
      "unpaid",
      "incomplete",
      "incomplete_expired",
      "paused",
      "canceled",
    ];
    const missing = new Set<string>();
    const has = (key: string) => {
      if (typeof messageOf(key) !== "string") missing.add(key);
    };
    for (const status of statuses) {
      for (const payBefore of [null, SOON, PAST]) {
        for (const endsAt of [null, SOON]) {
          for (const pausedAs of [
            null,
            "void",
            "keep_as_draft",
            "mark_uncollectible",
            "odd",
          ]) {
            for (const resumesAt of [null, SOON]) {
              for (const isCollected of [true, false]) {
                const of = plan({
                  status,
                  payBefore,
                  endsAt,
                  pausedAs,
                  resumesAt,
                  trialEnd: SOON,
                });
                has(planState(of).words);
                for (const line of outlookOf(
                  of,
                  ["renews", "trial_ends", "ends"].map((kind) =>
                    coming(kind, { isCollected }),
                  ),
                  NOW,
                )) {
                  has(line.words);
                  // Where a charge stands in the sentence, it may not be known.
                  if (line.charge !== null) has(`${line.words}_unknown`);
                }
              }
            }
          }
        }
      }
    }
    for (const kind of [
      "renews",
      "trial_ends",
      "ends",
      "collection_resumes",
      "discount_ends",
      "discount_ends_unnamed",
      "credits",
      "invoice_due",
      "invoice_due_unnamed",
      "pro_begins",
      "pro_ends",
    ]) {
      has(`billing.coming.${kind}`);
    }
    for (const status of statuses)
      has(whyWords(`Price a, subscription ${status}`).words ?? "");
    for (const status of [
      "draft",
      "open",
      "paid",
      "uncollectible",
      "void",
      null,
    ]) {
      for (const due of [null, PAST, SOON])
        has(invoiceState(status, due, NOW).words);
    }
    expect([...missing]).toEqual([]);
  });

  it("is cancelled but runs, whatever it is called", () => {
    expect(planState(plan({ endsAt: SOON })).words).toBe(
      "billing.status.ending",
    );
    expect(planState(plan({ status: "past_due", endsAt: SOON })).words).toBe(
      "billing.status.past_due",
    );
  });
});

describe("a charge", () => {
  it.each([
    [{ amountMinor: 100 }, "billing.charge.exact"],
    [{ amountMinor: 100, atMost: true }, "billing.charge.at_most"],
    [{ amountMinor: 100, hasUsage: true }, "billing.charge.exact_and_usage"],
    [
      { amountMinor: 100, hasUsage: true, atMost: true },
      "billing.charge.at_most_and_usage",
    ],
    [{ amountMinor: 0, hasUsage: true }, "billing.charge.usage"],
    [{ amountMinor: 0 }, "billing.charge.exact"],
    [{ amountMinor: null }, null],
  ])("%j reads %s", (overrides, expected) => {
    const key = chargeWords(coming("renews", overrides));
    expect(key).toBe(expected);
    if (key !== null) expect(typeof messageOf(key)).toBe("string");
  });
});

describe("why something is granted", () => {
  it("names prices and the state of the subscription", () => {
    expect(whyWords("Price price_a, price_b, subscription past_due")).toEqual({
      words: "billing.why.past_due",
      prices: ["price_a", "price_b"],
    });
    expect(
      whyWords("No price of the subscription grants it any more").words,
    ).toBe("billing.why.dropped");
  });

  it("shows what it does not know as it stands", () => {
    expect(whyWords("world")).toEqual({ words: null, prices: [] });
  });

  it("tells gifts from what a subscription gives", () => {
    expect(isGift({ source: "ClosetAI" })).toBe(true);
    expect(isGift({ source: "subscription sub_1" })).toBe(false);
  });
});

describe("an offer", () => {
  it("says what it gives, a line each", () => {
    const offer: Offer = {
      priceId: "price_1",
      kind: "plan",
      name: "House",
      currency: "usd",
      amountMinor: 1,
      interval: "month",
      intervalCount: 1,
      credits: null,
      monthlyCredits: 6000,
      datasetAccess: "row",
      customModels: true,
      pro: true,
      isCurrent: false,
      isReserved: false,
    };
    const lines = givesOf(offer);
    expect(lines.map(({ words: key }) => key)).toEqual([
      "billing.gives.pro",
      "billing.gives.monthly_credits",
      "billing.gives.dataset_row",
      "billing.gives.custom_models",
    ]);
    for (const line of lines) {
      expect(typeof messageOf(line.words)).toBe("string");
    }
  });

  it.each([
    ["month", 3, { words: "billing.every.month", count: 3 }],
    ["year", null, { words: "billing.every.year", count: 1 }],
    [null, 1, null],
    ["fortnight", 1, null],
  ])("of %s × %s is paid so often", (interval, count, expected) => {
    expect(intervalWords(interval, count)).toEqual(expected);
  });
});

describe("an address of Stripe's", () => {
  it.each([
    "https://invoice.stripe.com/i/acct_1/test_x?s=ap",
    "https://pay.stripe.com/invoice/x/pdf",
  ])("%s may be followed", (address) => {
    expect(httpsUrl(address)).toBe(address);
  });

  it.each([
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\nscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "http://invoice.stripe.com/i/x",
    "//invoice.stripe.com/i/x",
    "/admin/logout",
    "https://stripe.com@evil.example/",
    "https://user:secret@stripe.com/",
    "https://",
    "",
    null,
    undefined,
  ])("%j may not", (address) => {
    expect(httpsUrl(address)).toBeNull();
  });
});

describe("what an invoice asks for", () => {
  it.each([
    ["open", 500],
    ["uncollectible", 500],
    ["paid", 500],
    ["void", null],
    ["draft", null],
  ])("one that is %s: %s", (status, asked) => {
    expect(askedBy({ status, amountRemaining: 500 })).toBe(asked);
  });
});

describe("whom to ask", () => {
  it.each([
    ["billing@closetai.test", "mailto:billing@closetai.test"],
    ["https://closetai.test/help", "https://closetai.test/help"],
    ["Ms Bergman, extension 12", null],
    ["javascript:alert(1)//x@y.z", null],
    ["a@b.c?bcc=everybody@there.test", null],
    ["a@b.c&body=x", null],
  ])("%s", (contact, link) => {
    expect(contactLink(contact)).toBe(link);
  });
});

describe("the way back from Stripe", () => {
  it.each(["paid", "cancelled", "changed"])("%s is known", (value) => {
    expect(parseReturn(value)).toBe(value);
    expect(typeof messageOf(`billing.back.${value}`)).toBe("string");
  });
  it.each([null, "", "granted", "<b>paid</b>", "constructor"])(
    "%j says nothing",
    (value) => {
      expect(parseReturn(value)).toBeNull();
    },
  );

  it("a changed plan has another signature, in whatever order it is told", () => {
    const one = plan({ subscriptionId: "sub_a" });
    const two = plan({ subscriptionId: "sub_b" });
    expect(signatureOf([one, two])).toBe(signatureOf([two, one]));
    expect(signatureOf([one])).not.toBe(
      signatureOf([{ ...one, status: "past_due" }]),
    );
    expect(signatureOf([one])).not.toBe(
      signatureOf([{ ...one, endsAt: SOON }]),
    );
  });
});
