import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Page } from "playwright-core";

import { drainInbox } from "../../server/billing/drainInbox.ts";
import type { StripeConfig } from "../../server/config.ts";
import {
  checkout,
  coupon,
  customer,
  DAY,
  discount,
  event,
  invoice,
  price,
  refund,
  type StripeEvent,
  type StripeObject,
  subscription,
  type SubscriptionInput,
} from "../billing/events.ts";
import { eventually, expectCount, expectText } from "../helpers/browser.ts";
import { buildBrand, buildMember, buildUser } from "../helpers/factories.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";
import { deliver, WEBHOOK_SECRET } from "../helpers/stripe.ts";
import { serveStripePages } from "../helpers/stripePages.ts";
import {
  STAND_IN_KEY,
  startStripeStandIn,
  type StripeStandIn,
} from "../helpers/stripeStandIn.ts";
import { makeShopper, value } from "../helpers/tryons.ts";
import { findings } from "./findings.ts";
import {
  openStage,
  people,
  picture,
  settled,
  type Stage,
  type Visit,
  type VisitOptions,
} from "./stage.ts";

// Real browsers on a busy machine take their time.
jest.setTimeout(900_000);

const OWNER = "owner@billing.test";
const ANALYST = "analyst@billing.test";
const VIEWER = "viewer@billing.test";
const OTHER_OWNER = "other@billing.test";
const PAID_OWNER = "paid@billing.test";
const ODD_OWNER = "odd@billing.test";
const SHOPPER = "shopper@billing.test";
const NEW_SHOPPER = "newcomer@billing.test";
const CONTACT = "accounts@closetai.test";

let stage: Stage;
let stripe: StripeStandIn;
let keyless: TestHttpServer;
let now: number;
const ids: Record<string, string> = {};
const sold: Record<string, StripeObject> = {};

const panel = (page: Page, title: string | RegExp) =>
  page.getByRole("region", { name: title, exact: true });

/** What Stripe sends, by the door it comes through; the server's worker does the rest. */
async function told(...events: StripeEvent[]): Promise<void> {
  for (const each of events) {
    const answer = await deliver(stage.server.url, JSON.stringify(each));
    expect(answer.status).toBe(200);
  }
}

/** The same before anybody looks: nothing is left to wait for. */
async function prepared(...events: StripeEvent[]): Promise<void> {
  for (const each of events) {
    await stage.db.worker.query("select app_private.ingest_stripe_event($1)", [
      JSON.stringify(each),
    ]);
  }
  const silent = { info: () => undefined, warn: () => undefined };
  await drainInbox({ worker: stage.db.worker, log: silent });
  expect(
    await value(
      stage.db.root,
      "select count(*)::int from app_public.stripe_events where id = any ($1) and status <> 'processed'",
      [events.map(({ id }) => id)],
    ),
  ).toBe(0);
}

const plan = (
  payer: StripeObject,
  input: Omit<SubscriptionInput, "customer">,
): StripeObject =>
  subscription({ customer: payer.id, start: now - 3 * DAY, ...input });

const changed = (of: StripeObject, at = now): StripeEvent =>
  event("customer.subscription.updated", at, of);

/** A visit that would go to Stripe's pages, and finds the stand-in's. */
async function visit(options: VisitOptions): Promise<Visit> {
  const made = await stage.visit(options);
  await serveStripePages(made.context, stripe);
  return made;
}

const atStripe = (page: Page) =>
  page.getByRole("heading", { name: "Stripe’s page" }).waitFor();

async function makePeople(): Promise<void> {
  const client = await stage.db.root.connect();
  const person = async (email: string, display_name: string) =>
    (await buildUser(client, { email, display_name })).id;
  const join = (brand_id: string, user_id: string, role: string) =>
    buildMember(client, { brand_id, user_id, role });
  const ost = await buildBrand(client, { name: "Atelier Ost" });
  const west = await buildBrand(client, { name: "Atelier West" });
  const paid = await buildBrand(client, { name: "Huis Delft" });
  await join(ost.id, await person(OWNER, "Odile Owner"), "owner");
  await join(west.id, await person(OTHER_OWNER, "Wim West"), "owner");
  await join(paid.id, await person(PAID_OWNER, "Petra Paid"), "owner");
  const odd = await buildBrand(client, { name: "Casa Rara" });
  await join(odd.id, await person(ODD_OWNER, "Olga Odd"), "owner");
  await join(paid.id, await person(ANALYST, "Anouk Analyst"), "analyst");
  await join(paid.id, await person(VIEWER, "Vera Viewer"), "viewer");
  const shopper = await makeShopper(client, {
    email: SHOPPER,
    display_name: "Sanne Shopper",
  });
  await makeShopper(client, { email: NEW_SHOPPER, display_name: "Nia New" });
  Object.assign(ids, {
    ost: ost.id,
    west: west.id,
    paid: paid.id,
    odd: odd.id,
    shopper: shopper.id,
  });
  // They sign in with the password of the demo.
  await client.query(
    `insert into app_private.user_secrets (user_id, password_hash)
     select p.id, s.password_hash
     from app_public.users p, app_private.user_secrets s join app_public.users u on u.id = s.user_id
     where p.email like '%@billing.test' and u.email = $1
     on conflict (user_id) do update set password_hash = excluded.password_hash`,
    [people.staff],
  );
  client.release();
}

/** What is on sale, and one price that is made for Huis Delft alone. */
async function makePrices(): Promise<void> {
  const offer = async (
    key: string,
    name: string,
    input: Parameters<typeof price>[0],
  ) => {
    const product = `prod_${key}`;
    sold[key] = { ...price({ ...input, id: `price_${key}` }), product };
    await prepared(
      event("product.created", now - 9 * DAY, {
        id: product,
        object: "product",
        name,
        active: true,
      }),
      event("price.created", now - 9 * DAY, sold[key]),
    );
  };
  await offer("studio", "Studio Ost", {
    amount: 9900,
    metadata: { monthly_credits: "1000" },
  });
  await offer("house", "House Ost", {
    amount: 49_900,
    metadata: {
      monthly_credits: "6000",
      dataset_access: "row",
      custom_models: "true",
    },
  });
  await offer("year", "Studio Ost, a year ahead", {
    amount: 99_000,
    interval: "year",
    metadata: { monthly_credits: "1000" },
  });
  await offer("agreed", "Maison agreement", {
    amount: 240_000,
    interval: "month",
    every: 3,
    metadata: {
      monthly_credits: "20000",
      dataset_access: "aggregate",
      brand_id: ids["paid"] ?? "",
    },
  });
  await offer("pack", "Credit pack", {
    amount: 5000,
    oneOff: true,
    metadata: { credits: "500" },
  });
  await offer("pro", "Pro", { amount: 990, metadata: { pro: "true" } });
}

/** A customer of long standing: a plan with discounts, invoices, a refund, two payers. */
async function makeHistory(): Promise<void> {
  const payer = {
    ...customer({
      id: "cus_delft",
      email: "finance@huis-delft.test",
      metadata: { brand_id: ids["paid"] ?? "" },
    }),
    // Somebody has written this into Stripe.
    name: '<img src=x onerror="alert(1)">',
    currency: "usd",
  };
  const former = customer({
    id: "cus_delft_old",
    email: "old@huis-delft.test",
    metadata: { brand_id: ids["paid"] ?? "" },
  });
  // Stripe tells the present period with the latest event.
  const period = {
    current_period_start: now - 3 * DAY,
    current_period_end: now + 27 * DAY,
  };
  const own = plan(payer, {
    id: "sub_delft",
    start: now - 200 * DAY,
    items: [{ id: "si_delft", price: sold["house"] ?? "", quantity: 2 }],
    discounts: [
      discount(coupon({ percent: 20 }), "2025-09-30.clover", {
        customer: payer.id,
      }),
      discount(
        coupon({ percent: 10, duration: "repeating" }),
        "2025-09-30.clover",
        { customer: payer.id, end: now + 70 * DAY },
      ),
    ],
  });
  const bill = (n: number, extra = {}) =>
    event(extra === undefined ? "invoice.paid" : "invoice.updated", now - n, {
      ...invoice({
        id: `in_delft${n}`,
        customer: payer.id,
        subscription: own.id,
        created: now - n * 20 * DAY,
        lines: [{ amount: 99_800 }],
        discount: 27_944,
      }),
      number: `DELFT-${String(100 - n).padStart(4, "0")}`,
      invoice_pdf: `https://pay.stripe.com/invoice/in_delft${n}/pdf`,
      ...extra,
    });
  await prepared(
    event("customer.created", now - 9 * DAY, former),
    event("customer.deleted", now - 8 * DAY, { ...former, deleted: true }),
    event("customer.created", now - 201 * DAY, payer),
    // A plan of before, then a smaller one, then the present: a history of payments.
    event(
      "customer.subscription.created",
      now - 200 * DAY,
      plan(payer, {
        id: "sub_delft",
        start: now - 200 * DAY,
        items: [{ id: "si_delft", price: sold["studio"] ?? "" }],
      }),
    ),
    changed(
      {
        ...own,
        items: {
          data: (own["items"] as { data: object[] }).data.map((item) => ({
            ...item,
            ...period,
          })),
        },
      },
      now - 3 * DAY,
    ),
    ...Array.from({ length: 14 }, (_none, n) => bill(n + 1)),
    bill(15, { number: null, status: "draft", amount_paid: 0 }),
    event(
      "refund.created",
      now - DAY,
      refund({
        amount: 12_000,
        extra: { customer: payer.id, invoice: "in_delft2", created: now - DAY },
      }),
    ),
  );
  // The mirror keeps no such address; were it there all the same, it is no link.
  await stage.db.root.query(
    "update app_public.stripe_invoices set hosted_invoice_url = 'javascript:alert(1)', invoice_pdf = 'https://bank@evil.test/x' where id = 'in_delft3'",
  );
}

/** The pictures in the repository: each page once, and the fullest one in every guise. */
const KEPT = new Set([
  "billing-1280-light",
  "billing-1280-dark",
  "billing-390-light",
  "billing-390-dark",
  "billing-empty-1280-light",
  "billing-overdue-390-dark",
  "billing-no-key-1280-dark",
  "billing-member-1280-light",
  "billing-shopper-390-light",
]);

/** Each theme and width: pictures, no serious finding, nothing too wide, no complaint. */
async function looksGood(
  options: VisitOptions,
  name: string,
  /** What stands on the page when it is there. */
  heading: string,
  prepare?: (page: Page) => Promise<void>,
): Promise<void> {
  const found: string[] = [];
  for (const width of [1280, 390] as const) {
    const { page, complaints, close } = await visit({ ...options, width });
    await page.goto("/admin/billing");
    await page.getByRole("heading", { name: heading }).first().waitFor();
    await prepare?.(page);
    await settled(page);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await settled(page);
      if (process.env["BILLING_PICTURES"] !== undefined) {
        await page.screenshot({
          path: `${process.env["BILLING_PICTURES"]}/${name}-${width}-${colorScheme}.png`,
          fullPage: true,
        });
      }
      const kept = `${name}-${width}-${colorScheme}`;
      if (KEPT.has(kept)) await picture(page, kept);
      found.push(
        ...(await findings(page)).map(
          (finding) => `${name} ${width} ${colorScheme} ${finding}`,
        ),
      );
    }
    const overflow = await page.evaluate(
      () => document.documentElement.scrollWidth - window.innerWidth,
    );
    if (overflow > 1) found.push(`${name} ${width}: ${overflow} px too wide`);
    expect(complaints).toEqual([]);
    await close();
  }
  expect(found).toEqual([]);
}

beforeAll(async () => {
  now = Math.floor(Date.now() / 1000);
  stripe = await startStripeStandIn();
  const config: StripeConfig = {
    webhookSecrets: [WEBHOOK_SECRET],
    apiKey: STAND_IN_KEY,
    apiBase: stripe.url,
    mode: "test",
    contact: CONTACT,
  };
  stage = await openStage({ stripe: config });
  keyless = await startTestServer(stage.db, {
    stripe: { ...config, apiKey: null },
  });
  await makePeople();
  await makePrices();
  await makeHistory();
});
afterAll(async () => {
  await keyless?.close();
  await stage?.close();
  await stripe?.close();
});

const available = (page: Page) =>
  panel(page, "Credits").getByRole("link", { name: /^[\d,]+$/ });
const granted = (brand: string) =>
  value<number>(
    stage.db.root,
    "select coalesce(sum(amount), 0)::int from app_public.credit_grants where owner_brand_id = $1",
    [ids[brand]],
  );

describe("an owner without a plan", () => {
  it("looks as it should", () =>
    looksGood({ as: OWNER }, "billing-empty", "No plan yet"));

  it("buys credits: Stripe's page, the way back, and nothing before the event", async () => {
    const { page, close, complaints } = await visit({ as: OWNER });
    await page.goto("/admin/billing");
    await expectText(available(page), "0");
    await page.getByRole("button", { name: "Buy credits" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("radio", { name: /Credit pack/ }).check();
    const quantity = dialog.getByLabel("How many times *");
    const submit = dialog.getByRole("button", { name: "Pay at Stripe" });
    await quantity.fill("0");
    await dialog.getByText("Write a whole number from 1 to 1,000.").waitFor();
    expect(await submit.isDisabled()).toBe(true);
    await quantity.fill("3");
    await expectText(
      dialog.getByRole("status", { name: "In total" }),
      /1,500 credits\s+\$150\.00/,
    );
    await picture(page, "billing-buy");
    await submit.click();
    await atStripe(page);
    expect(new URL(page.url()).host).toBe("checkout.stripe.example");
    await page.getByRole("link", { name: "Pay" }).click();
    await page.waitForURL(/\/admin\/billing\?billing=paid$/);
    await page
      .getByText("The credits come with Stripe’s confirmation")
      .waitFor();
    await expectText(available(page), "0");
    expect(await granted("ost")).toBe(0);

    // The page has not moved since; it is told.
    const form = stripe.calls.at(-1)?.form ?? {};
    await told(
      event(
        "checkout.session.completed",
        now,
        checkout({
          brand_id: form["metadata[brand_id]"] ?? "",
          credits: form["metadata[credits]"] ?? "",
        }),
      ),
    );
    await page.getByText("1,500 credits have arrived.").waitFor();
    await expectText(available(page), "1,500");
    expect(await granted("ost")).toBe(1500);
    await page
      .getByRole("status")
      .filter({ hasText: "have arrived" })
      .getByRole("button", { name: "Close" })
      .click();
    await page.waitForURL(/\/admin\/billing$/);
    expect(complaints).toEqual([]);
    await close();
  });

  it("who comes back without paying is told so", async () => {
    const { page, close } = await visit({ as: OWNER });
    await page.goto("/admin/billing");
    await page
      .getByRole("button", { name: "Choose Studio Ost", exact: true })
      .click();
    await atStripe(page);
    await page.getByRole("link", { name: "Go back" }).click();
    await page.getByText("Nothing was paid.").waitFor();
    await page.getByText("No plan yet").waitFor();
    await close();
  });

  it("is told when Stripe refuses, and whom to tell", async () => {
    const { page, close } = await visit({ as: OWNER });
    await page.goto("/admin/billing");
    stripe.fault = {
      status: 400,
      error: { type: "invalid_request_error", message: "secret words" },
    };
    await page.getByRole("button", { name: "Choose House Ost" }).click();
    await expectText(
      panel(page, "Plans on offer").getByRole("alert"),
      /Nothing was paid\. Tell accounts@closetai\.test/,
    );
    stripe.fault = null;
    expect(await page.content()).not.toContain("secret words");
    await close();
  });

  it("begins a plan, and sees it when Stripe has confirmed", async () => {
    const { page, close, complaints } = await visit({ as: OWNER });
    await page.goto("/admin/billing");
    await page
      .getByRole("button", { name: "Choose Studio Ost", exact: true })
      .click();
    await atStripe(page);
    await page.getByRole("link", { name: "Pay" }).click();
    await page
      .getByText("The plan begins with Stripe’s confirmation")
      .waitFor();
    await page.getByText("No plan yet").waitFor();
    const payer = customer({
      id: "cus_made1",
      email: OWNER,
      metadata: { brand_id: ids["ost"] ?? "" },
    });
    await told(
      event("customer.created", now - 60, payer),
      event(
        "customer.subscription.created",
        now,
        plan(payer, {
          id: "sub_ost",
          start: now,
          items: [{ id: "si_ost", price: sold["studio"] ?? "" }],
        }),
      ),
      event(
        "invoice.paid",
        now,
        invoice({
          id: "in_ost",
          customer: payer.id,
          subscription: "sub_ost",
          created: now,
          lines: [{ amount: 9900 }],
        }),
      ),
    );
    await page
      .getByText("Stripe has confirmed: your plan is up to date.")
      .waitFor();
    const own = panel(page, "Plan");
    await own
      .getByRole("heading", { name: "Studio Ost", exact: true })
      .waitFor();
    await expectText(
      own,
      /Active[\s\S]*\$99\.00 per month[\s\S]*Renews on .* for \$99\.00\./,
    );
    await expectText(
      panel(page, "What the plan grants"),
      /1,000 credits each month[\s\S]*Part of Studio Ost; the subscription is active\./,
    );
    await expectText(panel(page, "Credits"), /0 of 1,000 used/);
    await expectText(available(page), "2,500");
    await expectText(
      panel(page, "What comes next"),
      /1,000 credits of Studio Ost[\s\S]*Studio Ost renews[\s\S]*\$99\.00/,
    );
    await panel(page, "Invoices and refunds")
      .getByRole("row", { name: /7FE1103-0001 .*\$99\.00/ })
      .waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("changes the plan, and manages it in the portal", async () => {
    const { page, close } = await visit({ as: OWNER });
    await page.goto("/admin/billing");
    const offers = panel(page, "Plans on offer");
    const current = offers
      .getByRole("listitem")
      .filter({ hasText: "Your plan" });
    await expectText(current, /Studio Ost/);
    await expectCount(current.getByRole("button"), 0);
    await offers.getByRole("button", { name: "Choose House Ost" }).click();
    await atStripe(page);
    expect(new URL(page.url()).host).toBe("billing.stripe.example");
    await page.getByRole("link", { name: "Confirm" }).click();
    await page.getByText("The change takes effect with").waitFor();
    await told(
      changed(
        plan(customer({ id: "cus_made1" }), {
          id: "sub_ost",
          start: now,
          items: [{ id: "si_ost", price: sold["house"] ?? "" }],
        }),
        now + 1,
      ),
    );
    await page
      .getByText("Stripe has confirmed: your plan is up to date.")
      .waitFor();
    await panel(page, "Plan")
      .getByRole("heading", { name: "House Ost" })
      .waitFor();
    await expectText(
      panel(page, "What the plan grants"),
      /Licensed data: rows/,
    );

    await page.getByRole("button", { name: "Billing portal" }).click();
    await atStripe(page);
    await page.getByRole("link", { name: "Return" }).click();
    await panel(page, "Plan")
      .getByRole("heading", { name: "House Ost" })
      .waitFor();
    await close();
  });

  it("follows without a word when a payment fails, and leads to the open invoice", async () => {
    const { page, close, complaints } = await visit({ as: OWNER });
    await page.goto("/admin/billing");
    const own = panel(page, "Plan");
    await own.getByText("Active", { exact: true }).waitFor();
    await told(
      event("invoice.payment_failed", now + 2, {
        ...invoice({
          id: "in_ost_open",
          customer: "cus_made1",
          subscription: "sub_ost",
          status: "open",
          created: now + 1,
          lines: [{ amount: 49_900 }],
        }),
        due_date: now + 5 * DAY,
      }),
      changed(
        plan(customer({ id: "cus_made1" }), {
          id: "sub_ost",
          status: "past_due",
          start: now,
          items: [{ id: "si_ost", price: sold["house"] ?? "" }],
        }),
        now + 2,
      ),
    );
    await own.getByText("Payment overdue").waitFor();
    await expectText(own, /A payment failed\. Pay before /);
    expect(
      await own
        .getByRole("link", { name: "Pay the open invoice" })
        .getAttribute("href"),
    ).toBe("https://invoice.stripe.com/i/in_ost_open");
    await expectText(
      panel(page, "What the plan grants"),
      /A payment is overdue, and it stays for now\./,
    );
    expect(complaints).toEqual([]);
    await close();
    await looksGood({ as: OWNER }, "billing-overdue", "House Ost");
  });

  it("is worked by keyboard, and the focus comes back", async () => {
    const { page, close } = await visit({ as: OWNER });
    await page.goto("/admin/billing");
    const buy = page.getByRole("button", { name: "Buy credits" });
    await buy.focus();
    await page.keyboard.press("Enter");
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("radio").first().focus();
    await page.keyboard.press("Space");
    await dialog.getByLabel("How many times *").focus();
    await page.keyboard.type("0");
    await expectText(
      dialog.getByRole("status", { name: "In total" }),
      /credits/,
    );
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
    await eventually(async () =>
      expect(
        await buy.evaluate((element) => element === document.activeElement),
      ).toBe(true),
    );
    // Every action of the page is a stop of the Tab key.
    const reached = new Set<string>();
    for (let step = 0; step < 80; step++) {
      await page.keyboard.press("Tab");
      reached.add(
        await page.evaluate(
          () =>
            document.activeElement?.getAttribute("aria-label") ??
            document.activeElement?.textContent ??
            "",
        ),
      );
    }
    for (const name of [
      "Pay the open invoice",
      "Choose Studio Ost",
      "Open the wallet",
      "View invoice 7FE1103-0001 at Stripe",
    ]) {
      expect([...reached]).toContain(name);
    }
    await close();
  });
});

describe("an owner of long standing", () => {
  it("sees plan, discounts, usage, payments, invoices page by page, and who pays", async () => {
    const { page, close, complaints } = await visit({ as: PAID_OWNER });
    await page.goto("/admin/billing");
    const own = panel(page, "Plan");
    await own.getByRole("heading", { name: "House Ost" }).waitFor();
    await expectText(
      own,
      // 2 × 499, less 20 and 10 %: 718.56.
      /\$998\.00 per month[\s\S]*2 × \$499\.00[\s\S]*Renews on .* for \$718\.56\.[\s\S]*20 % off, as long as the plan runs[\s\S]*10 % off, until /,
    );
    await expectText(panel(page, "What comes next"), /A discount ends/);
    await expectText(
      panel(page, /^What Huis Delft pays/),
      /\$798\.40[\s\S]*More[\s\S]*\+\$699\.40[\s\S]*A plan began[\s\S]*\+\$99\.00/,
    );
    const payers = panel(page, "Who pays");
    await payers.getByText('<img src=x onerror="alert(1)">').waitFor();
    await expectText(payers, /finance@huis-delft\.test[\s\S]*/);
    await payers.getByText("Deleted at Stripe").waitFor();

    const bills = panel(page, "Invoices and refunds");
    await expectCount(bills.getByRole("row"), 13);
    await bills.getByRole("button", { name: "Show older invoices" }).click();
    await expectCount(bills.getByRole("row"), 16);
    await bills
      .getByRole("row", { name: /Without number Being prepared/ })
      .waitFor();
    await expectText(
      bills.getByRole("row", { name: /DELFT-0098/ }),
      /\$120\.00 refunded/,
    );
    const links = await bills
      .getByRole("link")
      .evaluateAll((all) => all.map((one) => one.getAttribute("href") ?? ""));
    expect(links.length).toBeGreaterThan(20);
    expect(links.filter((href) => !href.startsWith("https://"))).toEqual([]);
    expect(links.join()).not.toContain("evil");
    await expectCount(
      bills.getByRole("row", { name: /DELFT-0097/ }).getByRole("link"),
      0,
    );
    // What is made for this brand is offered to it.
    await expectText(
      panel(page, "Plans on offer")
        .getByRole("listitem")
        .filter({ hasText: "Maison agreement" }),
      /Made for you[\s\S]*\$2,400\.00 every 3 months[\s\S]*20,000 credits each month/,
    );
    expect(complaints).toEqual([]);
    await close();
  });

  it("looks as it should", () =>
    looksGood({ as: PAID_OWNER }, "billing", "House Ost"));

  it("is told what could not be read, and reads it again", async () => {
    const { page, close } = await visit({ as: PAID_OWNER });
    // Nothing but the click brings an answer: the page reads again by itself, too.
    const wasClicked = () =>
      page.evaluate(() => document.body.dataset["clicked"] !== undefined);
    await page.route(/\/graphql$/, async (route) => {
      if (
        route.request().postData()?.includes("billingInvoices") === true &&
        !(await wasClicked())
      ) {
        await route.fulfill({
          contentType: "application/json",
          body: JSON.stringify({
            errors: [
              { message: "It took too long", extensions: { code: "LIMIT" } },
            ],
          }),
        });
      } else await route.fallback();
    });
    await page.goto("/admin/billing");
    const bills = panel(page, "Invoices and refunds");
    await expectText(bills.getByRole("alert"), /It took too long/);
    await page.evaluate(() =>
      document.addEventListener(
        "click",
        () => (document.body.dataset["clicked"] = "yes"),
        { capture: true },
      ),
    );
    await bills.getByRole("button", { name: "Try again" }).click();
    await expectCount(bills.getByRole("row"), 13);
    await close();
  });

  it("of another brand sees none of it", async () => {
    const { page, close } = await visit({ as: OTHER_OWNER });
    await page.goto("/admin/billing");
    await page.getByText("No plan yet").waitFor();
    await page.getByText("No invoice yet").waitFor();
    await page.getByText("Studio Ost", { exact: true }).waitFor();
    await settled(page);
    const text = await page.locator("body").innerText();
    for (const secret of ["Maison agreement", "DELFT", "huis-delft", "798"]) {
      expect(text).not.toContain(secret);
    }
    await close();
  });
});

describe("an owner whose subscriptions are odd", () => {
  it("sees each of them, and no sum that nobody knows", async () => {
    const payer = {
      ...customer({ id: "cus_odd", metadata: { brand_id: ids["odd"] ?? "" } }),
      name: null,
      email: null,
      currency: null,
    };
    const of = (id: string, input: Omit<SubscriptionInput, "customer">) =>
      event(
        "customer.subscription.created",
        now - 3 * DAY,
        plan(payer, { id: `sub_odd_${id}`, ...input }),
      );
    const named = `prod_${"long".repeat(20)}`;
    const endless = plan(payer, {
      id: "sub_odd_trial",
      status: "trialing",
      items: [{ price: price({ currency: "eur", amount: 1500 }) }],
    });
    const { data } = endless["items"] as { data: Record<string, unknown>[] };
    await prepared(
      event("customer.created", now - 9 * DAY, payer),
      event("product.created", now - 9 * DAY, {
        id: named,
        object: "product",
        name: `Ünverschämt${"lang".repeat(20)} "><script>alert(1)</script>`,
        active: true,
      }),
      of("bare", { items: [] }),
      of("unknown", { items: [{ price: "price_of_nobody" }] }),
      of("tiers", { items: [{ price: price({ tiersMode: "volume" }) }] }),
      of("yen", {
        currency: "jpy",
        items: [
          {
            price: {
              ...price({ currency: "jpy", amount: 980 }),
              product: named,
            },
            quantity: null,
          },
        ],
        extra: { pause_collection: { behavior: "void", resumes_at: null } },
      }),
      of("dinar", {
        currency: "kwd",
        items: [
          { price: price({ currency: "kwd", amount: 12_345 }) },
          { price: price({ currency: "kwd", usage: "metered", amount: 5 }) },
        ],
        extra: { cancel_at_period_end: true },
      }),
      of("peso", {
        currency: "clp",
        items: [{ price: price({ currency: "clp", amount: 9990 }) }],
      }),
      of("unpaid", { status: "unpaid", items: [{ price: price() }] }),
      of("started", { status: "incomplete", items: [{ price: price() }] }),
      of("paused", { status: "paused", items: [{ price: price() }] }),
      event("customer.subscription.created", now - 3 * DAY, {
        ...endless,
        items: {
          data: data.map(
            ({
              current_period_start: _start,
              current_period_end: _end,
              ...item
            }) => item,
          ),
        },
      }),
      event("invoice.voided", now, {
        ...invoice({
          id: "in_odd",
          customer: payer.id,
          status: "void",
          currency: "kwd",
          lines: [{ amount: 1500 }],
        }),
        number: null,
        created: null,
      }),
    );
    const { page, complaints, close } = await visit({ as: ODD_OWNER });
    await page.goto("/admin/billing");
    const own = panel(page, "Plans");
    await expectCount(own.getByRole("article"), 10);
    for (const words of [
      "¥980 per month",
      "Collection is paused: invoices are void.",
      "KWD\u00a012.345 per month",
      "By use",
      "CLP\u00a09,990 per month",
      "Price on Stripe’s page",
      "price_of_nobody: Stripe has not told what it costs.",
      "On trial; Stripe has not told until when.",
      "The first payment is not made yet.",
      "What the plan grants is off until the open invoices are paid.",
      "The trial ended without a way to pay.",
      "Stripe has not told when it renews.",
    ]) {
      await own.getByText(words).first().waitFor();
    }
    await own.getByText("Cancelled, still running").waitFor();
    await expectText(
      panel(page, "Invoices and refunds").getByRole("row").last(),
      /Without number\s+Void\s+–\s+–\s+–\s+KWD\s1\.500\s+–/,
    );
    await panel(page, "Who pays").getByText("Without name").waitFor();
    await panel(page, /^What Casa Rara pays/)
      .getByText("Not every plan is counted yet")
      .waitFor();
    expect(complaints).toEqual([]);
    await close();
    await looksGood({ as: ODD_OWNER }, "billing-odd", "Plans");
  });
});

describe("a server without a key", () => {
  it("offers nothing to press, and says whom to ask", async () => {
    const { page, close, complaints } = await visit({
      as: PAID_OWNER,
      at: keyless.url,
    });
    const sent: string[] = [];
    page.on("request", (request) => sent.push(request.postData() ?? ""));
    await page.goto("/admin/billing");
    await page.getByText("Paying here is not switched on.").waitFor();
    expect(
      await page.getByRole("link", { name: CONTACT }).getAttribute("href"),
    ).toBe(`mailto:${CONTACT}`);
    await panel(page, "Plans on offer")
      .getByText("Studio Ost", { exact: true })
      .waitFor();
    await settled(page);
    for (const name of [/Buy credits/, /^Choose /, /Billing portal/]) {
      await expectCount(page.getByRole("button", { name }), 0);
    }
    expect(sent.join()).not.toMatch(/buyCredits|changePlan|openBillingPortal/);
    expect(complaints).toEqual([]);
    await close();
    await looksGood(
      { as: PAID_OWNER, at: keyless.url },
      "billing-no-key",
      "House Ost",
    );
  });
});

describe("a member who does not pay", () => {
  it.each([ANALYST, VIEWER])(
    "%s sees what the plan grants and why, and no money",
    async (as) => {
      const { page, close, complaints } = await visit({ as });
      const sent: string[] = [];
      page.on("request", (request) => sent.push(request.postData() ?? ""));
      await page.goto("/admin/billing");
      const grants = panel(page, "What the plan grants");
      await expectText(
        grants,
        /12,000 credits each month[\s\S]*the subscription is active/,
      );
      await page.getByText("Its owners see the plan itself").waitFor();
      await settled(page);
      await expectCount(page.getByRole("region"), 1);
      await expectCount(page.getByRole("button", { name: /Buy|Choose/ }), 0);
      expect(sent.join()).not.toMatch(
        /billingPlans|billingInvoices|billingOffers|stripeCustomers|accountMrrs/,
      );
      expect(complaints).toEqual([]);
      await close();
    },
  );

  it("looks as it should", () =>
    looksGood({ as: ANALYST }, "billing-member", "What the plan grants"));

  it("is led here from an empty wallet", async () => {
    const { page, close } = await visit({ as: OTHER_OWNER });
    await page.goto("/admin/wallet");
    await page
      .getByRole("alert")
      .getByRole("link", { name: "Plan & billing" })
      .click();
    await page.waitForURL(/\/admin\/billing$/);
    await page.getByText("No plan yet").waitFor();
    await close();
  });
});

describe("a shopper", () => {
  it("chooses Pro, and sees the own plan and what ClosetAI gave", async () => {
    await stage.db.root.query(
      `insert into app_public.user_entitlements (user_id, kind, period, source)
       values ($1, 'pro_unlimited', tstzrange(now() - interval '40 days', now() - interval '10 days'), 'ClosetAI')`,
      [ids["shopper"]],
    );
    const { page, close, complaints } = await visit({ as: SHOPPER });
    await page.goto("/admin/billing");
    await page.getByText("With Pro, try-ons cost nothing.").waitFor();
    const offers = panel(page, "Plans on offer");
    await expectCount(
      offers.getByRole("listitem").filter({ hasText: "Studio Ost" }),
      0,
    );
    await offers.getByRole("button", { name: "Choose Pro" }).click();
    await atStripe(page);
    await page.getByRole("link", { name: "Pay" }).click();
    await page
      .getByText("The plan begins with Stripe’s confirmation")
      .waitFor();
    const payer = customer({
      id: "cus_sanne",
      email: SHOPPER,
      metadata: { user_id: ids["shopper"] ?? "" },
    });
    await told(
      event("customer.created", now - 60, payer),
      event(
        "customer.subscription.created",
        now,
        plan(payer, {
          id: "sub_sanne",
          start: now,
          status: "trialing",
          items: [{ price: sold["pro"] ?? "" }],
          extra: { trial_end: now + 7 * DAY },
        }),
      ),
    );
    await page.getByText("Stripe has confirmed").waitFor();
    await expectText(
      panel(page, "Plan"),
      /Pro[\s\S]*On trial[\s\S]*\$9\.90 per month[\s\S]*The trial ends on .*, then \$9\.90\./,
    );
    const grants = panel(page, "What the plan grants");
    await expectText(
      grants,
      /Active[\s\S]*Part of Pro, which is on trial\.[\s\S]*Ended[\s\S]*Given by ClosetAI\./,
    );
    expect(complaints).toEqual([]);
    await close();
    await looksGood({ as: SHOPPER }, "billing-shopper", "Pro");
  });

  it("who is new sees the plans on offer", () =>
    looksGood({ as: NEW_SHOPPER }, "billing-shopper-empty", "No plan yet"));
});
