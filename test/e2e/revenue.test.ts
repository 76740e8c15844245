import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Locator, Page } from "playwright-core";

import { eventually, expectCount, expectText } from "../helpers/browser.ts";
import { findings } from "./findings.ts";
import {
  type Cast,
  castFromDemo,
  enterCosts,
  HOSTILE,
  makeScene,
  playScene,
  type Scene,
} from "./revenueScene.ts";
import {
  openStage,
  people,
  picture,
  settled,
  type Stage,
  type Visit,
} from "./stage.ts";

// Real browsers on a busy machine take their time.
jest.setTimeout(900_000);

const FINANCE = "finance@closetai.test";
const SUPPORT = "support@closetai.test";

let stage: Stage;
let cast: Cast;
let scene: Scene;

beforeAll(async () => {
  stage = await openStage();
  cast = await castFromDemo(stage.db.root);
  scene = makeScene(cast, new Date());
  await playScene(stage.db, scene);
  await enterCosts(stage.db.root, scene, cast);
});
afterAll(() => stage?.close());

const one = async (sql: string, values: unknown[] = []): Promise<string> => {
  const { rows } = await stage.db.root.query<{ text: string }>(sql, values);
  return rows[0]?.text ?? "";
};

/** The card of a figure; it may be one of several in a panel. */
const card = (page: Page, label: string): Locator =>
  page
    .locator(".MuiCard-root")
    .filter({
      has: page.getByRole("heading", { name: label, exact: true, level: 2 }),
    })
    .last();

const figure = (page: Page, label: string): Locator =>
  card(page, label).locator("p").first();

const panel = (page: Page, title: string | RegExp): Locator =>
  page.getByRole("region", { name: title });

/** "$1,234.56", "+$1.00", "−$1.00", "–" → cents. */
const cents = (text: string): number => {
  const sign = /^[−-]/.test(text.trim()) ? -1 : 1;
  const digits = text.replaceAll(/[^0-9]/g, "");
  return digits === "" ? 0 : sign * Number(digits);
};

/** What stands in a column of a table, row by row, without head and sums. */
async function column(table: Locator, name: string): Promise<string[]> {
  const heads = await table.locator("thead th").allInnerTexts();
  const at = heads.findIndex((head) =>
    head.toLowerCase().startsWith(name.toLowerCase()),
  );
  expect(at).toBeGreaterThan(-1);
  return table
    .locator("tbody tr")
    .evaluateAll(
      (rows, index) =>
        rows.map((row) => (row.children[index] as HTMLElement).innerText),
      at,
    );
}

/** The page of accounts: its line of sums, and the same added up here. */
async function expectAccounts(
  page: Page,
  accounts: number,
  sums: Record<string, number>,
): Promise<void> {
  const table = page.getByRole("region", { name: "Accounts by MRR" });
  await expectText(
    table.locator("tbody tr").first().locator("th"),
    accounts === 1 ? "1 account" : `All ${accounts} accounts`,
  );
  for (const [name, sum] of Object.entries(sums)) {
    await eventually(async () => {
      const [total, ...rows] = (await column(table, name)).map(cents);
      expect([name, total]).toEqual([name, sum]);
      expect(rows).toHaveLength(accounts);
      expect(rows.reduce((all, row) => all + row, 0)).toBe(sum);
    });
  }
}

/** A list of movements: how many the database counts and sums, and the rows. */
async function expectMovements(
  page: Page,
  movements: number,
  sum: number,
): Promise<void> {
  await expectText(
    page.getByRole("status").filter({ hasText: "movement" }),
    new RegExp(`^${movements} movements?: `),
  );
  await eventually(async () => {
    const told = await page
      .getByRole("status")
      .filter({ hasText: "movement" })
      .locator("span")
      .first()
      .innerText();
    expect(cents(told)).toBe(sum);
    const rows = (await column(page.locator("table"), "Change")).map(cents);
    expect(rows).toHaveLength(movements);
    expect(rows.reduce((all, row) => all + row, 0)).toBe(sum);
  });
}

const overview = "/admin/revenue?period=last_month";

const visitAs = (as: string, width = 1280): Promise<Visit> =>
  stage.visit({ as, width });

describe("the figures of a month", () => {
  let visit: Visit;
  let page: Page;

  beforeAll(async () => {
    visit = await visitAs(FINANCE);
    ({ page } = visit);
  });
  afterAll(() => visit?.close());

  // Reckoned by hand: see the table of revenueScene.ts.
  it.each([
    ["MRR", "$9,173.60"],
    ["ARR", "$110,083.20"],
    // 6 brands and 4 shoppers stay of 12 accounts; 2 brands and a shopper come.
    ["Paying accounts", "13"],
    // 9173.60 / 13
    ["ARPA", "$705.66"],
    // (8800.60 + 174 − 300 − 508.90) / 8800.60
    ["NRR", "92.8%"],
    // (8800.60 − 300 − 508.90) / 8800.60
    ["GRR", "90.8%"],
    // A brand and a shopper of 12.
    ["Logo churn", "16.7%"],
    // 808.90 / 8800.60
    ["Gross MRR churn", "9.2%"],
    // (808.90 − 174 − 499) / 8800.60
    ["Net MRR churn", "1.5%"],
    // (508.90 + 499 + 174) / 808.90
    ["Quick ratio", "1.46x"],
    // 9173.60 / 13 × 0.8 × 6 months
    ["LTV", "$3,387.18"],
    // 6000 / 2
    ["CAC", "$3,000.00"],
    ["LTV:CAC", "1.13x"],
    ["Scheduled churn", "$499.00"],
    ["At risk", "$495.00"],
    ["Needs review", "1"],
    ["Unlinked", "$1,990.00"],
  ])("%s is %s", async (label, text) => {
    if (!page.url().includes("period=last_month")) await page.goto(overview);
    await expectText(figure(page, label), text);
  });

  it("each says how it is counted, and how it stood before", async () => {
    await page.goto(overview);
    await expectText(figure(page, "MRR"), "$9,173.60");
    for (const label of ["MRR", "NRR", "CAC", "At risk"]) {
      const definition = card(page, label).getByRole("img");
      expect(
        ((await definition.getAttribute("aria-label")) ?? "").length,
      ).toBeGreaterThan(40);
    }
    // 9173.60 / 8800.60
    await expectText(
      card(page, "MRR"),
      /up by\s+4\.2 %\s*, \$8,800\.60 in the period before/,
    );
    // All that paid stayed, the month before.
    await expectText(
      card(page, "NRR"),
      /down by\s+7\.2 points\s*, 100\.0% in the period before/,
    );
    await expectText(card(page, "CAC"), /No data in the period before/);
    expect(await page.getByText("Counted just now").count()).toBeGreaterThan(0);
  });

  it.each([
    ["MRR", 13, { End: 917_360, Start: 829_170 }],
    ["ARR", 13, { End: 917_360 }],
    ["Paying accounts", 13, { End: 917_360 }],
    ["ARPA", 13, { End: 917_360 }],
    ["NRR", 12, { Start: 880_060, End: 816_570 }],
    ["GRR", 12, { Start: 880_060, Kept: 799_170 }],
    ["Logo churn", 2, { Start: 50_890, Churn: -50_890, End: 0 }],
    ["LTV:CAC", 2, { New: 50_890, End: 50_890 }],
  ] as [string, number, Record<string, number>][])(
    "%s leads to %d accounts that add up to it",
    async (label, accounts, sums) => {
      await page.goto(overview);
      await expectText(figure(page, "MRR"), "$9,173.60");
      await card(page, label).getByRole("link").click();
      await page.waitForURL(/\/revenue\/accounts/);
      await expectAccounts(page, accounts, sums);
    },
  );

  it.each([
    ["Gross MRR churn", 3, -80_890],
    ["Net MRR churn", 5, -13_590],
    ["Quick ratio", 7, 37_300],
  ] as const)(
    "%s leads to %d movements that add up",
    async (label, movements, sum) => {
      await page.goto(overview);
      await expectText(figure(page, "MRR"), "$9,173.60");
      await card(page, label).getByRole("link").click();
      await page.waitForURL(/\/mrr_movements/);
      await expectMovements(page, movements, sum);
    },
  );

  it.each([
    ["Scheduled churn", 1, "$499.00"],
    ["At risk", 1, "$495.00"],
    ["Needs review", 1, "$0.00"],
  ] as const)(
    "%s leads to its subscriptions, and the filter says which those are",
    async (label, count, mrr) => {
      await page.goto(overview);
      await expectText(figure(page, "MRR"), "$9,173.60");
      await card(page, label).getByRole("link").click();
      await page.waitForURL(/\/stripe_subscriptions/);
      await expectText(
        page.getByRole("status").filter({ hasText: "subscription" }),
        `${count} subscription, MRR ${mrr}`,
      );
      await expectCount(page.locator("tbody tr"), count);
      await expectText(page.getByRole("combobox", { name: "To watch" }), label);
    },
  );

  it("CAC leads to what was spent in the month", async () => {
    await page.goto(overview);
    await expectText(figure(page, "MRR"), "$9,173.60");
    await card(page, "CAC").getByRole("link").click();
    await page.waitForURL(/\/acquisition_costs/);
    await expectCount(page.locator("tbody tr"), 1);
    await expectText(page.locator("tbody tr"), /\$6,000\.00\s+80%/);
  });

  it("subscriber churn is that of the last 30 days, and leads to who left", async () => {
    await page.goto(overview);
    // 12 paid 30 days before the end; what joined and left since is counted there.
    const { churned, rate } = await stage.db.root
      .query<{ churned: number; rate: string }>(
        `with w as (select $1::timestamptz as t)
         select c.churned::int, round(c.churned::numeric / (b.before + c.joined), 4)::text as rate
         from w,
           lateral (select count(*) filter (where kind = 'churn') as churned,
                           count(*) filter (where kind in ('new', 'reactivation')) as joined
                      from app_public.mrr_movements where occurred_at >= w.t - interval '30 days' and occurred_at < w.t) c,
           lateral (select count(*) as before from (
             select account from app_public.mrr_movements where occurred_at < w.t - interval '30 days'
              group by 1 having sum(delta_usd_minor) <> 0) x) b`,
        [scene.month.to],
      )
      .then(({ rows }) => rows[0] ?? { churned: 0, rate: "0" });
    expect(churned).toBe(2);
    await expectText(
      figure(page, "Subscriber churn"),
      `${(Number(rate) * 100).toFixed(1)}%`,
    );
    await card(page, "Subscriber churn").getByRole("link").click();
    await page.waitForURL(/\/mrr_movements/);
    await expectMovements(page, churned, -50_890);
  });

  it("the waterfall's parts lead to movements that add up to each", async () => {
    const parts: [string, string, number, number][] = [
      ["New", "+$508.90", 2, 50_890],
      ["Reactivation", "+$499.00", 1, 49_900],
      ["Expansion", "+$174.00", 1, 17_400],
      ["Contraction", "−$300.00", 1, -30_000],
      ["Churn", "−$508.90", 2, -50_890],
    ];
    for (const [name, text, movements, sum] of parts) {
      await page.goto(overview);
      const part = panel(page, "From start to end").locator("li", {
        has: page.getByRole("link", { name, exact: true }),
      });
      await expectText(
        part,
        new RegExp(`${name}\\s+${text.replace(/[+$.]/g, "\\$&")}`),
      );
      await part.getByRole("link").click();
      await page.waitForURL(/\/mrr_movements/);
      await expectMovements(page, movements, sum);
    }
    await page.goto(overview);
    await expectText(
      panel(page, "From start to end").getByRole("list"),
      /Start\s+\$8,800\.60[\s\S]+End\s+\$9,173\.60/,
    );
  });

  it("a bar of the waterfall leads there, too; the same figures are a table", async () => {
    await page.goto(overview);
    const waterfall = panel(page, "From start to end");
    const drawing = waterfall.locator("svg").last();
    await drawing.waitFor();
    await drawing.scrollIntoViewIfNeeded();
    await settled(page);
    const box = await drawing.boundingBox();
    if (box === null) throw new Error("There is no drawing");
    // The third of seven places: reactivation.
    await page.mouse.click(
      box.x + 52 + (box.width - 56) * (2.5 / 7),
      box.y + box.height / 2,
    );
    await page.waitForURL(/\/mrr_movements/);
    expect(decodeURIComponent(page.url())).toContain('"kind":"reactivation"');

    await page.goto(overview);
    await waterfall.getByRole("button", { name: "Show as table" }).click();
    const table = waterfall.locator("table");
    expect(await column(table, "MRR")).toEqual([
      "$8,800.60",
      "$508.90",
      "$499.00",
      "$174.00",
      "-$300.00",
      "-$508.90",
      "$9,173.60",
    ]);
  });

  it("MRR over time: the last row of any bucket is the figure, each row leads to its movements", async () => {
    await page.goto("/admin/revenue?period=last_12_months&by=month");
    const series = panel(page, "MRR over time");
    await series.getByRole("button", { name: "Show as table" }).click();
    const table = series.locator("table");
    await eventually(async () =>
      expect((await column(table, "MRR")).at(-1)).toBe("$9,173.60"),
    );
    const moved = (
      await Promise.all(
        ["New", "Reactivation", "Expansion", "Contraction", "Churn"].map(
          async (kind) => (await column(table, kind)).map(cents),
        ),
      )
    ).flat();
    // Everything there ever was is within these months: it began with nothing.
    const first = cents((await column(table, "MRR"))[0] ?? "");
    expect(moved.reduce((all, value) => all + value, 0)).toBe(917_360);
    expect(first).toBeGreaterThanOrEqual(0);
    // Of the last month that has movements.
    const rows = table.locator("tbody tr");
    const label = new Intl.DateTimeFormat("en", {
      month: "short",
      year: "numeric",
      timeZone: "UTC",
    }).format(new Date(`${scene.month.from}T00:00:00Z`));
    await rows.getByRole("link", { name: label, exact: true }).click();
    await page.waitForURL(/\/mrr_movements/);
    await expectMovements(page, 7, 37_300);
    // By week, in the address.
    await page.goto("/admin/revenue?period=last_month");
    await series.getByRole("button", { name: "Week", exact: true }).click();
    await page.waitForURL(/by=week/);
  });

  it("other days are two dates, half-open; what makes no period is not asked", async () => {
    await page.goto(overview);
    await page.getByRole("combobox", { name: "Period" }).click();
    await page.getByRole("option", { name: "Other days" }).click();
    await expectText(figure(page, "MRR"), "$9,173.60");
    await page.getByLabel("Until, not included").fill(scene.month.from);
    await page
      .getByRole("alert")
      .filter({ hasText: "A period ends after it begins" })
      .waitFor();
    await page
      .getByLabel("From", { exact: true })
      .fill(
        `${Number(scene.month.from.slice(0, 4)) - 1}${scene.month.from.slice(4)}`,
      );
    await expectText(figure(page, "MRR"), "$8,800.60");
    await page.waitForURL(/from=.*to=/);
    // Nothing paid a year before: not known, never 0.
    await expectText(figure(page, "NRR"), "No data");
    await expectText(figure(page, "GRR"), "No data");
  });

  it("brands by MRR: share, change, and LTV:CAC where costs are known", async () => {
    await page.goto(overview);
    await page.getByRole("link", { name: "All brands" }).click();
    await page.waitForURL(/\/revenue\/leaderboard/);
    const table = page.getByRole("region", { name: "Brands by MRR" }).last();
    await eventually(async () =>
      expect((await column(table, "MRR")).map(cents)).toEqual([
        245_400, 200_000, 49_900, 49_900, 49_900, 49_900, 49_500, 19_900,
      ]),
    );
    expect(
      (await column(table, "LTV:CAC")).filter((text) => text !== "No data"),
    ).toEqual([
      // 2454 × 0.75 × 7 months / 12000
      "1.07x",
      // 199 × 0.7 × 7 / 1500
      "0.65x",
    ]);
    await expectText(
      table.locator("tfoot tr"),
      // 12883.50 + 975.10 / 13500
      /All 8 brands\s+\$7,144\.00\s+\+\$872\.00\s+\$85,728\.00\s+8\s+1\.03x/,
    );
    await table.getByRole("link", { name: "Maison Lumière" }).click();
    await page.waitForURL(/\/brands\/.*\/show/);
  });

  it("shows no error on the way", () => {
    expect(visit.complaints).toEqual([]);
  });
});

describe("the rows", () => {
  let visit: Visit;
  let page: Page;

  beforeAll(async () => {
    visit = await visitAs(FINANCE);
    ({ page } = visit);
  });
  afterAll(() => visit?.close());

  it("a movement leads to its event, what that changed, its subscription and its account's history", async () => {
    await page.goto(
      `/admin/mrr_movements?filter=${encodeURIComponent(JSON.stringify({ sourceEventId: scene.ids.expansion.event }))}`,
    );
    await expectMovements(page, 1, 17_400);
    await page.locator("tbody tr").first().click();
    await page.waitForURL(/\/mrr_movements\/.*\/show/);
    await expectText(
      panel(page, "What moved"),
      /Before\s+\$2,280\.00\s+\+\$174\.00\s+After\s+\$2,454\.00/,
    );
    await expectText(
      panel(page, "By subscription"),
      /Atelier, Seats × 16\s+\+\$174\.00/,
    );
    const changed = page.getByRole("region", {
      name: "What it says has changed",
    });
    await expectText(changed, /\.quantity\s+10\s+16/);
    // Whatever somebody wrote at Stripe stays text.
    await expectText(changed, new RegExp(HOSTILE.replaceAll(/[()]/g, "\\$&")));
    expect(await page.title()).not.toContain("pwned");
    const history = panel(page, "All movements of Maison Lumière");
    await eventually(async () =>
      expect(
        (await column(history.locator("table"), "Change")).map(cents),
      ).toEqual([17_400, 29_000, 199_000]),
    );
    await panel(page, "What moved")
      .getByRole("link", { name: "Stripe event" })
      .click();
    await page.waitForURL(
      new RegExp(`/stripe_events/${scene.ids.expansion.event}/show`),
    );
    await expectText(
      panel(page, "What it did"),
      /Maison Lumière[\s\S]+Expansion[\s\S]+\$2,280\.00 → \$2,454\.00/,
    );
  });

  it("movements are filtered by kind, brand, days, amount and transfer, in the address", async () => {
    // A list remembers its filters; these are none.
    await page.goto("/admin/mrr_movements?filter={}");
    const search = page.getByRole("search", { name: "Filters" });
    await search.getByRole("combobox", { name: "Kind" }).click();
    await page.getByRole("option", { name: "Churn" }).click();
    // 499 three months before, and the two of the month.
    await expectMovements(page, 3, -100_790);
    // As it is typed, part by part.
    const [year, month, day] = scene.month.from.split("-");
    await search.getByLabel("From", { exact: true }).focus();
    await page.keyboard.type(`${month}${day}${year}`);
    await expectMovements(page, 2, -50_890);
    await search.getByLabel("Until, not included").fill(scene.month.to);
    await page.waitForURL((url) =>
      decodeURIComponent(url.search).includes(`"${scene.month.to}T`),
    );
    await expectMovements(page, 2, -50_890);
    await search.getByLabel("Change, at most").fill("-100");
    await page.keyboard.press("Enter");
    await expectMovements(page, 1, -49_900);
    await page.reload();
    await expectMovements(page, 1, -49_900);
    await search.getByRole("combobox", { name: "Transfers" }).click();
    await page.getByRole("option", { name: "Only these" }).click();
    await page.getByText("No match").waitFor();
  });

  it("a subscription explains its MRR, in the order it is reckoned", async () => {
    await page.goto(
      `/admin/stripe_subscriptions/${scene.ids.house.subscription}/show`,
    );
    const reckoning = panel(page, "How MRR comes about");
    await expectText(
      reckoning,
      /Active counts\s+Atelier\s+1 × \$1,990\.00, a month\s+\$1,990\.00\s+Seats\s+16 × \$29\.00, a month\s+\$464\.00\s+By the month\s+\$2,454\.00 a month × 12 \/ 12\s+\$2,454\.00\s+Rounded once/,
    );
    await expectText(
      panel(page, "What happened"),
      /updated[\s\S]+Expansion\s+\+\$174\.00[\s\S]+updated[\s\S]+Expansion\s+\+\$290\.00[\s\S]+created[\s\S]+New\s+\+\$1,990\.00/,
    );
    await expectText(
      panel(page, "What it grants"),
      /5000 credits a month\s+In effect[\s\S]+Custom models/,
    );
    await panel(page, "Invoices")
      .getByRole("link", { name: "LUM-0012" })
      .click();
    await page.waitForURL(/\/stripe_invoices\/.*\/show/);
    await expectText(page.locator("#main-content"), /\$3,111\.84/);
    // There is no key here, so nothing can be fetched.
    expect(
      await page.getByRole("button", { name: /Fetch again/ }).count(),
    ).toBe(0);
  });

  it("one in another currency says at which rate, and why", async () => {
    const id = await one(
      "select id as text from app_public.stripe_subscriptions where currency = 'eur'",
    );
    await page.goto(`/admin/stripe_subscriptions/${id}/show`);
    await expectText(
      panel(page, "How MRR comes about"),
      /Discount WELCOME10 on Studio Europe\s+10 % off, for ever\s+€450\.00[\s\S]+€450\.00 × 1\.1 US dollars for one EUR[\s\S]+\$495\.00/,
    );
  });

  it("one that cannot be told says what to do", async () => {
    await page.goto(
      `/admin/stripe_subscriptions/${scene.ids.review.subscription}/show`,
    );
    await expectText(
      page.getByRole("alert"),
      /Counted as 0: The tiers of price price_\w+ are not known\. Stripe sends tiers only on request/,
    );
  });

  it("the payload is a tree that the keyboard opens, and copies whole", async () => {
    await page
      .context()
      .grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.goto(`/admin/stripe_events/${scene.ids.expansion.event}/show`);
    const tree = page.getByRole("region", { name: "What Stripe sent" }).last();
    const previous = tree.locator("summary", {
      hasText: "previous_attributes",
    });
    await previous.focus();
    await page.keyboard.press("Enter");
    await tree.locator("summary", { hasText: "metadata" }).last().focus();
    await page.keyboard.press("Enter");
    await expectText(
      tree,
      new RegExp(JSON.stringify(HOSTILE).replaceAll(/[()\\]/g, "\\$&")),
    );
    expect(await page.title()).not.toContain("pwned");
    expect(await tree.locator("img").count()).toBe(0);
    await panel(page, "What Stripe sent")
      .first()
      .getByRole("button", { name: "Copy" })
      .click();
    await eventually(async () => {
      const text = await page.evaluate(() => navigator.clipboard.readText());
      expect((JSON.parse(text) as { id: string }).id).toBe(
        scene.ids.expansion.event,
      );
    });
  });

  it("the books agree; from MRR to invoices every part is the sum of its rows", async () => {
    await page.goto(
      `/admin/revenue/reconciliation?from=${scene.month.from}&to=${scene.month.to}`,
    );
    await page
      .getByText("Subscriptions, movements and accounts agree")
      .waitFor();
    const bridge = panel(page, "From MRR to invoices");
    const table = bridge.locator("table");
    await table.waitFor();
    const names = (await column(table, "Part")).map(
      (text) => text.split("\n")[0] ?? "",
    );
    const amounts = (await column(table, "US dollars")).map(cents);
    expect(names).toEqual([
      "MRR",
      "Discounts",
      "Prorations",
      "Usage",
      "One-off",
      "Tax",
      "Exchange",
      "Timing",
      "Invoiced",
    ]);
    expect(amounts[0]).toBe(917_360);
    expect(amounts.slice(0, -1).reduce((all, part) => all + part, 0)).toBe(
      amounts.at(-1),
    );
    expect(amounts.slice(1, 7)).toEqual([
      // 200 and 50 euros at 1.17
      -(20_000 + 5850),
      13_920,
      8400,
      75_000,
      51_864,
      // 500 euros at 1.17 against 1.10
      3500,
    ]);
    for (const [at, name] of names.entries()) {
      if (name === "MRR") continue;
      await bridge.getByRole("button", { name, exact: true }).click();
      const rows = page
        .getByRole("region", { name, exact: true })
        .locator("table");
      await eventually(async () => {
        const parts = (await column(rows.last(), "Part of it")).map(cents);
        expect([name, parts.reduce((all, part) => all + part, 0)]).toEqual([
          name,
          amounts[at],
        ]);
      });
    }
    await page.getByRole("button", { name: "Show them" }).click();
    await page
      .getByRole("region", { name: "Left out" })
      .getByRole("link", { name: "PL-0001" })
      .click();
    await page.waitForURL(/\/stripe_invoices\/.*\/show/);
  });

  it("an acquisition cost is entered in dollars and per cent", async () => {
    await page.goto("/admin/acquisition_costs/create");
    await page.getByLabel(/^Month/).fill("2024-02-01");
    await page.getByLabel(/^Spend/).fill("1,234.50");
    await page.getByLabel(/^Gross margin/).fill("72.5");
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL(/\/acquisition_costs(\/[^/]+\/show|\?|$)/);
    await eventually(async () =>
      expect(
        await one(
          "select spend_usd_minor || ' ' || gross_margin as text from app_public.acquisition_costs where month = '2024-02-01'",
        ),
      ).toBe("123450 0.725"),
    );
  });

  it("shows no error on the way", () => {
    expect(visit.complaints).toEqual([]);
  });
});

describe("pictures", () => {
  it.each([
    [1280, "light"],
    [1280, "dark"],
    [390, "light"],
    [390, "dark"],
  ] as const)(
    "at %d, %s: no serious finding of axe, and no error",
    async (width, scheme) => {
      const visit = await stage.visit({ as: FINANCE, width, scheme });
      const { page } = visit;
      const found: string[] = [];
      const suffix = `${width === 390 ? "-phone" : ""}${scheme === "dark" ? "-dark" : ""}`;
      const movement = await one(
        "select id::text as text from app_public.mrr_movements where kind = 'expansion' order by occurred_at desc limit 1",
      );
      const days = `from=${scene.month.from}&to=${scene.month.to}`;
      const pages: [
        name: string,
        path: string,
        prepare?: () => Promise<void>,
      ][] = [
        ["revenue", "/revenue?period=last_month"],
        ["revenue-accounts", `/revenue/accounts?${days}&which=all`],
        ["revenue-leaderboard", `/revenue/leaderboard?${days}`],
        [
          "revenue-reconciliation",
          `/revenue/reconciliation?${days}&part=timing`,
        ],
        ["movements", "/mrr_movements"],
        ["movement", `/mrr_movements/${movement}/show`],
        ["subscriptions", "/stripe_subscriptions"],
        [
          "subscription",
          `/stripe_subscriptions/${scene.ids.house.subscription}/show`,
        ],
        ["stripe-inbox", "/stripe_events"],
        ["stripe-event", `/stripe_events/${scene.ids.expansion.event}/show`],
        ["stripe-customers", "/stripe_customers"],
        [
          "stripe-link",
          "/stripe_customers",
          async () => {
            await page
              .getByRole("button", { name: "Link", exact: true })
              .click();
            await page.getByText("$1,990.00 a month moves").waitFor();
          },
        ],
        [
          "stripe-customer",
          `/stripe_customers/${scene.ids.nobody.customer}/show`,
        ],
      ];
      for (const [name, path, prepare] of pages) {
        await page.goto(`/admin${path}`);
        await settled(page);
        await prepare?.();
        await settled(page);
        found.push(
          ...(await findings(page)).map((finding) => `${name} ${finding}`),
        );
        const overflow = await page.evaluate(
          () => document.documentElement.scrollWidth - window.innerWidth,
        );
        if (overflow > 1) found.push(`${name}: ${overflow} px too wide`);
        await picture(page, `${name}${suffix}`);
      }
      found.push(...visit.complaints);
      await visit.close();
      expect(found).toEqual([]);
    },
  );
});

describe("what finance does", () => {
  let visit: Visit;
  let page: Page;

  beforeAll(async () => {
    visit = await visitAs(FINANCE);
    ({ page } = visit);
  });
  afterAll(() => visit?.close());

  it("an event that was given up is replayed after the repair, and takes effect", async () => {
    await page.goto("/admin/stripe_events");
    await expectText(figure(page, "Given up"), "1");
    await card(page, "Given up").getByRole("link").click();
    await expectCount(page.locator("tbody tr"), 1);
    await expectText(
      page.locator("tbody tr"),
      /checkout\.session\.completed[\s\S]+Given up[\s\S]+names neither a brand nor a person/,
    );
    await page.locator("tbody tr").click();
    await page.waitForURL(new RegExp(`${scene.unpaid.id}/show`));
    await page.getByText("It was tried eight times and given up").waitFor();
    // The brand that was missing is made.
    await stage.db.root.query(
      "insert into app_public.brand_accounts (id, slug, name, status) values ($1, 'late-arrival', 'Late Arrival', 'onboarding')",
      [scene.missingBrandId],
    );
    await page.getByRole("button", { name: "Replay" }).click();
    const dialog = page.getByRole("dialog");
    await expectText(dialog, /Replay this event\?/);
    await dialog.getByRole("button", { name: "Replay" }).click();
    await page.getByText("It was put into effect.").waitFor();
    await eventually(async () =>
      expect(
        await one(
          "select amount::text as text from app_public.credit_grants where owner_brand_id = $1 and source = 'purchase'",
          [scene.missingBrandId],
        ),
      ).toBe("250"),
    );
    await page.goto("/admin/stripe_events");
    await expectText(figure(page, "Given up"), "0");
  });

  it("a selection and a time are replayed, after it was said how many", async () => {
    const before = await one(
      "select count(*)::text as text from app_public.mrr_movements",
    );
    await page.goto(
      `/admin/stripe_events?filter=${encodeURIComponent(JSON.stringify({ type: "invoice.paid" }))}`,
    );
    const boxes = page.locator("tbody").getByRole("checkbox");
    await expectCount(boxes, 4);
    await boxes.nth(0).click();
    await boxes.nth(1).click();
    await page.getByRole("button", { name: "Replay", exact: true }).click();
    const dialog = page.getByRole("dialog");
    await expectText(dialog, /Replay 2 events\?/);
    await dialog.getByRole("button", { name: "Replay" }).click();
    await page.getByText("2 events are back in the inbox.").waitFor();

    await page.getByRole("button", { name: "Replay a time" }).click();
    await dialog.getByLabel("From", { exact: true }).fill(scene.month.from);
    await dialog.getByLabel("Until, not included").fill(scene.month.to);
    // Nothing is given up any more.
    await dialog.getByText("0 events would be replayed.").waitFor();
    expect(
      await dialog.getByRole("button", { name: /^Replay/ }).isDisabled(),
    ).toBe(true);
    await dialog.getByRole("combobox").click();
    await page.getByRole("option", { name: "All of them" }).click();
    const count = await one(
      "select count(*)::text as text from app_public.stripe_events where created >= $1 and created < $2",
      [scene.month.from, scene.month.to],
    );
    await dialog.getByText(`${count} events would be replayed.`).waitFor();
    await dialog
      .getByRole("button", { name: `Replay ${count} events` })
      .click();
    await page.getByText(`${count} events are back in the inbox.`).waitFor();
    // They do what they did: nothing new.
    await eventually(async () =>
      expect(
        await one(
          "select count(*)::text as text from app_public.stripe_events where status in ('received', 'failed')",
        ),
      ).toBe("0"),
    );
    expect(
      await one("select count(*)::text as text from app_public.mrr_movements"),
    ).toBe(before);
  });

  it("the inbox is filtered by type, object, days, repetition and error", async () => {
    await page.goto("/admin/stripe_events?filter={}");
    const search = page.getByRole("search", { name: "Filters" });
    await search
      .getByLabel("Object", { exact: true })
      .fill(scene.ids.house.subscription);
    await page.keyboard.press("Enter");
    await expectCount(page.locator("tbody tr"), 3);
    await search.getByLabel("From", { exact: true }).fill(scene.month.from);
    await expectCount(page.locator("tbody tr"), 1);
    await search.getByRole("combobox", { name: "Delivered again" }).click();
    await page.getByRole("option", { name: "Delivered again" }).click();
    await page.getByText("No match").waitFor();
  });

  it("a customer of nobody is linked by the keyboard, the money follows, and nothing was won or lost", async () => {
    await page.goto("/admin/stripe_customers");
    const unlinked = panel(page, "Unlinked customers");
    await expectText(unlinked, /An owner of .+ has this e-mail address/);
    expect(await page.title()).not.toContain("pwned");
    const button = unlinked.getByRole("button", { name: "Link", exact: true });
    await button.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    const brand = await one(
      "select name as text from app_public.brand_accounts where id = $1",
      [cast.brands[6]],
    );
    await expectText(
      dialog.getByRole("status"),
      new RegExp(
        `\\$1,990\\.00 a month moves, of 1 subscription:\\s+Nobody yet: \\$1,990\\.00 → \\$0\\.00\\s+${brand}: \\$499\\.00 → \\$2,489\\.00\\s+The new owner gets credits each month, custom models`,
      ),
    );
    // Escape closes it, and the focus is where it was.
    await page.keyboard.press("Escape");
    await expectCount(page.getByRole("dialog"), 0);
    await eventually(async () =>
      expect(
        await button.evaluate((node) => node === document.activeElement),
      ).toBe(true),
    );
    await page.keyboard.press("Enter");
    await dialog.getByText("$1,990.00 a month moves").waitFor();
    await dialog.getByRole("button", { name: "Link and move" }).click();
    await page.getByText("Every customer belongs to somebody.").waitFor();

    await page.goto("/admin/revenue?period=this_month");
    await expectText(figure(page, "MRR"), "$9,173.60");
    await expectText(figure(page, "NRR"), "100.0%");
    await expectText(figure(page, "GRR"), "100.0%");
    await expectText(figure(page, "Logo churn"), "0.0%");
    await expectText(figure(page, "Paying accounts"), "12");
    await expectText(figure(page, "Unlinked"), "$0.00");
    // What was told of the month before stays told.
    await page.goto(overview);
    await expectText(figure(page, "NRR"), "92.8%");
    await expectText(figure(page, "Paying accounts"), "13");
    await page.goto(
      `/admin/mrr_movements?filter=${encodeURIComponent(JSON.stringify({ isTransfer: true }))}`,
    );
    await expectMovements(page, 2, 0);
    await page.goto("/admin/revenue/reconciliation?period=this_month");
    await page
      .getByText("Subscriptions, movements and accounts agree")
      .waitFor();
  });

  it("a customer whose metadata names somebody else is shown, and moves only by decision", async () => {
    await page.goto("/admin/stripe_customers");
    const disputed = panel(page, "Named otherwise since");
    await expectText(disputed, /Linked to .+; the metadata now names .+\./);
    await disputed.getByRole("button", { name: "Link to another" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("$495.00 a month moves").waitFor();
    await dialog.getByRole("button", { name: "Link and move" }).click();
    await expectCount(dialog, 0);
    await expectCount(disputed, 0);
    expect(
      await one(
        "select brand_id::text as text from app_public.stripe_customers where email = 'billing-4@customers.test'",
      ),
    ).toBe(cast.brands[5]);
  });

  it("shows no error on the way", () => {
    expect(visit.complaints).toEqual([]);
  });
});

describe("who may", () => {
  const paths = [
    "/revenue",
    "/revenue/leaderboard",
    "/revenue/accounts",
    "/revenue/reconciliation",
    "/mrr_movements",
    "/stripe_subscriptions",
    "/stripe_events",
    "/stripe_customers",
  ];

  it.each([
    ["support", SUPPORT],
    ["an owner of a brand", people.owner],
    ["a shopper", people.shopper],
  ])("%s finds no revenue in the menu, and is refused", async (_who, email) => {
    const visit = await visitAs(email);
    const { page } = visit;
    await page.goto("/admin");
    await settled(page);
    const menu = page.getByRole("navigation").first();
    for (const label of [
      "Revenue",
      "Leaderboard",
      "Movements",
      "Stripe inbox",
    ]) {
      expect(await menu.getByText(label, { exact: true }).count()).toBe(0);
    }
    for (const path of paths) {
      await page.goto(`/admin${path}`);
      await page
        .getByRole("heading", {
          name: "This page is not part of your role",
          level: 2,
        })
        .waitFor();
    }
    const answer = await page.request.post("/graphql", {
      headers: { origin: new URL(page.url()).origin },
      data: {
        query:
          '{ revenueOverview(fromTime: "2026-01-01T00:00:00Z", toTime: "2026-02-01T00:00:00Z") { endUsdMinor } }',
      },
    });
    const body = (await answer.json()) as {
      data?: { revenueOverview: unknown };
      errors?: { extensions: { code: string } }[];
    };
    expect(body.data?.revenueOverview ?? null).toBeNull();
    expect(body.errors?.[0]?.extensions.code).toBe("DNIED");
    await visit.close();
  });

  it("an admin reads the figures and the accounts, and no row of finance", async () => {
    const visit = await visitAs(people.staff);
    const { page } = visit;
    await page.goto(overview);
    await expectText(figure(page, "MRR"), "$9,173.60");
    const menu = page.getByRole("navigation").first();
    await menu.getByText("Leaderboard", { exact: true }).waitFor();
    for (const label of ["Movements", "Subscriptions", "Stripe inbox"]) {
      expect(await menu.getByText(label, { exact: true }).count()).toBe(0);
    }
    // A figure whose rows are not theirs leads nowhere.
    expect(await card(page, "Gross MRR churn").getByRole("link").count()).toBe(
      0,
    );
    expect(await card(page, "Scheduled churn").getByRole("link").count()).toBe(
      0,
    );
    await card(page, "NRR").getByRole("link").click();
    await expectAccounts(page, 12, { Start: 880_060 });
    await page.goto(
      `/admin/revenue/reconciliation?from=${scene.month.from}&to=${scene.month.to}`,
    );
    const bridge = panel(page, "From MRR to invoices");
    await bridge.locator("table").waitFor();
    expect(await bridge.getByRole("button", { name: "Timing" }).count()).toBe(
      0,
    );
    for (const path of ["/mrr_movements", "/stripe_events"]) {
      await page.goto(`/admin${path}`);
      await page
        .getByRole("heading", {
          name: "This page is not part of your role",
          level: 2,
        })
        .waitFor();
    }
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });
});
