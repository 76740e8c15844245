import { randomUUID } from "node:crypto";

import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Page, Request } from "playwright-core";

import { eventually, expectCount, expectText } from "../helpers/browser.ts";
import {
  buildBrand,
  buildMember,
  buildStaff,
  buildUser,
} from "../helpers/factories.ts";
import {
  beginResult,
  claim,
  complete,
  expireStale,
  fail,
  giveCredits,
  makeSelfie,
  makeShopper,
  storeResult,
  value,
} from "../helpers/tryons.ts";
import { findings } from "./findings.ts";
import { openStage, people, picture, settled, type Stage } from "./stage.ts";

// Real browsers on a busy machine take their time.
jest.setTimeout(900_000);

const SHOPPER = "shopper@wallet.test";
const ANALYST = "analyst@wallet.test";
const EMPTY_OWNER = "owner@wallet.test";
const FINANCE = "finance@wallet.test";

let stage: Stage;
const ids: Record<string, string> = {};

/** The figure on a card of this name. */
const figure = (page: Page, label: string) =>
  page
    .locator(".MuiCard-root")
    .filter({ has: page.getByRole("link", { name: label, exact: true }) })
    .locator("p")
    .first();

const panel = (page: Page, title: string | RegExp) =>
  page.getByRole("region", { name: title });

/** As the app asks: through the API, with an idempotency key. */
async function requestTryon(page: Page): Promise<void> {
  const answer = await page.request.post("/graphql", {
    headers: { origin: new URL(page.url()).origin },
    data: {
      query: `mutation ($input: RequestTryonInput!) {
        requestTryon(input: $input) { result { rowId status } }
      }`,
      variables: {
        input: {
          idempotencyKey: randomUUID(),
          categoryCode: "scarves",
          selfieKey: ids["selfie"],
          wardrobeItemIds: [ids["item"]],
        },
      },
    },
  });
  expect(await answer.json()).toMatchObject({
    data: { requestTryon: { result: { status: "queued" } } },
  });
}

/** A worker takes the next job and delivers, or fails for good. */
async function work(outcome: "completed" | "failed"): Promise<void> {
  const { root } = stage.db;
  const [job] = await claim(root, "gpu-frankfurt-1");
  if (job === undefined) throw new Error("Nothing waits");
  if (outcome === "failed") {
    await fail(root, "gpu-frankfurt-1", job, "NO_PERSON_FOUND", false, 310);
    return;
  }
  const key = await beginResult(root, "gpu-frankfurt-1", job);
  await storeResult(root, key);
  await complete(root, "gpu-frankfurt-1", job, key, { processingMs: 1_240 });
}

/**
 * What a month of work leaves: try-ons of the brand, delivered and failed, spread
 * over days and over the last hour. Made by the functions that always make it;
 * then dated back, which nobody but a superuser with the triggers off can.
 */
async function month(): Promise<void> {
  const { root } = stage.db;
  await giveCredits(root, { brand: ids["brand"] ?? "" }, 1_500);
  await giveCredits(root, { brand: ids["brand"] ?? "" }, 250, {
    source: "promo",
    expiresAt: new Date(Date.now() + 12 * 86_400_000).toISOString(),
  });
  await root.query(
    `do $$
     declare
       v_job uuid;
       v_brand uuid := (select id from app_public.brand_accounts where name = 'Atelier Nord');
       v_categories text[] := array['dresses', 'jackets', 'tops', 'sneakers'];
       v_codes text[] := array['GPU_OUT_OF_MEMORY', 'GPU_OUT_OF_MEMORY', 'NO_PERSON_FOUND', 'PICTURE_TOO_DARK'];
     begin
       for i in 1..160 loop
         v_job := app_private.uuid_v7();
         insert into app_public.tryon_jobs (id, brand_id, payer, category_code, selfie_key, cost)
         values (v_job, v_brand, 'brand', v_categories[1 + i % 4], (select key from app_public.storage_objects where kind = 'selfie' and owner_brand_id = v_brand limit 1), 1);
         perform app_private.place_hold(v_job, null, v_brand, 1);
         update app_public.tryon_jobs set status = 'processing', locked_by = 'gpu-frankfurt-' || 1 + i % 3,
           locked_until = now() + interval '1 minute' where id = v_job;
         if i % 9 = 0 then
           update app_public.tryon_jobs set status = 'queued', run_after = now() + interval '10 minutes', error_code = v_codes[1 + i % 4],
             locked_by = null, locked_until = null where id = v_job;
           update app_public.tryon_jobs set status = 'processing', locked_by = 'gpu-frankfurt-2',
             locked_until = now() + interval '1 minute' where id = v_job;
         end if;
         if i % 13 = 0 then
           update app_public.tryon_jobs set status = 'failed', error_code = v_codes[1 + i % 4] where id = v_job;
         elsif i > 158 then
           null;
         elsif i > 155 then
           update app_public.tryon_jobs set status = 'queued', run_after = now() + interval '5 minutes', error_code = 'GPU_OUT_OF_MEMORY',
             locked_by = null, locked_until = null where id = v_job;
         else
           update app_public.tryon_jobs set status = 'completed', confidence = 0.9, processing_ms = 700 + (i * 97) % 2400,
             result_key = (select key from app_public.storage_objects where kind = 'result' limit 1) where id = v_job;
         end if;
       end loop;
     end $$`,
  );
  const client = await root.connect();
  try {
    await client.query("set session_replication_role = replica");
    await client.query(
      `with spread as (
         select t.id, row_number() over (order by t.id) as n, t.created_at - make_interval(hours => (mod(hashtext(coalesce(t.hold_id, t.id)::text), 680) + 680) % 680) as moment
         from app_public.credit_transfers t where t.owner_brand_id = $1 and t.kind in ('hold', 'capture', 'release')
       )
       update app_public.credit_transfers t
       set created_at = s.moment,
         id = overlay(t.id::text placing left(app_private.uuid_v7_floor(s.moment)::text, 13) from 1 for 13)::uuid
       from spread s where s.id = t.id`,
      [ids["brand"]],
    );
    await client.query(
      `update app_public.credit_transfers t
       set created_at = m.first, id = overlay(t.id::text placing left(app_private.uuid_v7_floor(m.first)::text, 13) from 1 for 13)::uuid
       from (select min(created_at) - interval '1 day' as first from app_public.credit_transfers where owner_brand_id = $1) m
       where t.owner_brand_id = $1 and t.kind = 'grant'`,
      [ids["brand"]],
    );
    await client.query(
      `update app_public.tryon_job_attempts a
       set finished_at = a.finished_at - make_interval(secs => mod(abs(hashtext(a.job_id::text || a.attempt)), 3300)),
         started_at = a.started_at - make_interval(secs => mod(abs(hashtext(a.job_id::text || a.attempt)), 3300) + 2)
       where a.brand_id = $1`,
      [ids["brand"]],
    );
  } finally {
    // Never back into the pool: its triggers are off.
    client.release(true);
  }
}

/** People and brands of this file alone: what the demo holds is left as it is. */
async function prepare(): Promise<void> {
  const client = await stage.db.root.connect();
  const shopper = await makeShopper(client, {
    email: SHOPPER,
    display_name: "Sanne Shopper",
  });
  const brand = await buildBrand(client, { name: "Atelier Nord" });
  const emptyBrand = await buildBrand(client, { name: "Atelier Zuid" });
  const analyst = await buildUser(client, {
    email: ANALYST,
    display_name: "Anouk Analyst",
  });
  const owner = await buildUser(client, {
    email: EMPTY_OWNER,
    display_name: "Otis Owner",
  });
  const finance = await buildUser(client, {
    email: FINANCE,
    display_name: "Fenna Finance",
  });
  const member = { brand_id: brand.id, user_id: analyst.id, role: "analyst" };
  await buildMember(client, member);
  await buildMember(client, {
    brand_id: emptyBrand.id,
    user_id: owner.id,
    role: "owner",
  });
  await buildStaff(client, { user_id: finance.id, role: "finance" });
  await makeSelfie(client, { owner_brand_id: brand.id });
  Object.assign(ids, {
    shopper: shopper.id,
    selfie: shopper.selfie,
    item: shopper.item,
    brand: brand.id,
  });
  // They sign in with the password of the demo.
  await client.query(
    `insert into app_private.user_secrets (user_id, password_hash)
     select p.id, s.password_hash
     from app_public.users p, app_private.user_secrets s join app_public.users u on u.id = s.user_id
     where p.email = any ($1) and u.email = $2
     on conflict (user_id) do update set password_hash = excluded.password_hash`,
    [[SHOPPER, ANALYST, EMPTY_OWNER, FINANCE], people.staff],
  );
  client.release();
}

/** Each theme and width: pictures, no serious finding, nothing too wide. */
async function looksGood(
  as: string,
  path: string,
  name: string,
  /** What stands on the page when it is there. */
  heading: string,
): Promise<void> {
  const found: string[] = [];
  for (const width of [1280, 390] as const) {
    const visit = await stage.visit({ as, width });
    const { page } = visit;
    await page.goto(path);
    await page.getByRole("heading", { name: heading }).first().waitFor();
    await settled(page);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      await settled(page);
      if (process.env["WALLET_PICTURES"] !== undefined) {
        await page.screenshot({
          path: `${process.env["WALLET_PICTURES"]}/${name}-${width}-${colorScheme}.png`,
          fullPage: true,
        });
      }
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
    expect(visit.complaints).toEqual([]);
    await visit.close();
  }
  expect(found).toEqual([]);
}

beforeAll(async () => {
  stage = await openStage();
  await prepare();
});
afterAll(() => stage?.close());

describe("the wallet of a shopper", () => {
  it("tells what happened to each credit, and leads to the try-on", async () => {
    const { page, close, complaints } = await stage.visit({
      as: SHOPPER,
    });
    await page.goto("/admin/wallet");
    await expectText(figure(page, "Available"), "25");
    await page.getByText("Nothing was spent in 30 days").waitFor();
    await requestTryon(page);
    await requestTryon(page);
    await requestTryon(page);
    await work("completed");
    await work("failed");
    await page.reload();
    await expectText(figure(page, "Available"), "23");
    await expectText(figure(page, "Held"), "1");
    await expectText(figure(page, "Used"), "1");
    const history = panel(page, "History");
    await history.getByText("25 free credits").waitFor();
    await history.getByText("Captured for a try-on").waitFor();
    await history
      .getByText("Given back: the try-on was not delivered")
      .waitFor();
    await history.getByRole("link", { name: "See the try-on" }).first().click();
    await page.waitForURL(/\/tryon_jobs\/[0-9a-f-]{36}\/show/);
    await settled(page);
    expect(complaints).toEqual([]);
    await close();
  });

  it("is read by keyboard: figures, definitions, and the chart as a table", async () => {
    const { page, close } = await stage.visit({ as: SHOPPER });
    await page.goto("/admin/wallet");
    await settled(page);
    const toTable = page.getByRole("button", { name: "Show as table" });
    await toTable.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("columnheader", { name: "Day" }).waitFor();
    await page.getByRole("button", { name: "Show as chart" }).waitFor();
    await close();
  });

  it("looks as it should", () =>
    looksGood(SHOPPER, "/admin/wallet", "shopper-wallet", "History"));
});

describe("the wallet of a brand", () => {
  it("says where more come from when it is empty", async () => {
    const { page, close } = await stage.visit({ as: EMPTY_OWNER });
    await page.goto("/admin/wallet");
    await expectText(figure(page, "Available"), "0");
    await page
      .getByText("An owner of the brand buys credits or chooses a plan")
      .waitFor();
    await expectCount(page.getByRole("link", { name: "Plan & billing" }), 3);
    await close();
    await looksGood(
      EMPTY_OWNER,
      "/admin/wallet",
      "brand-wallet-empty",
      "No credits here",
    );
  });

  it("shows an analyst the month and the forecast", async () => {
    await month();
    const { page, close } = await stage.visit({ as: ANALYST });
    await page.goto("/admin/wallet");
    const { rows } = await stage.db.root.query<{
      remaining: string;
      used: string;
    }>(
      "select remaining, used from app_public.brand_credits where brand_id = $1",
      [ids["brand"]],
    );
    const number = (text: string | undefined) =>
      new Intl.NumberFormat("en").format(Number(text));
    await expectText(figure(page, "Available"), number(rows[0]?.remaining));
    await expectText(figure(page, "Used"), number(rows[0]?.used));
    await page
      .getByText(
        `${number(rows[0]?.used)} credits for ${number(rows[0]?.used)} try-ons`,
      )
      .waitFor();
    const first = panel(page, "Where they come from")
      .getByRole("listitem")
      .first();
    await expectText(first, /A gift of ClosetAI/);
    await page.getByRole("button", { name: "Show older entries" }).click();
    await eventually(async () =>
      expect(
        await panel(page, "History").getByRole("row").count(),
      ).toBeGreaterThan(30),
    );
    await close();
  });

  it("brings the older entries although the wallet changes meanwhile", async () => {
    const { page, close } = await stage.visit({ as: ANALYST });
    const asksForHistory = (asked: Request, older: boolean) => {
      const text = asked.postData() ?? "";
      return (
        text.includes("walletHistory") &&
        /"beforeEntry":"[0-9a-f]/.test(text) === older
      );
    };
    let interruptions = 0;
    await page.route("**/graphql", async (route) => {
      if (interruptions === 0 && asksForHistory(route.request(), true)) {
        interruptions += 1;
        // What is told of it has the page read itself again, before the answer.
        const reread = page.waitForRequest((one) => asksForHistory(one, false));
        await giveCredits(stage.db.root, { brand: ids["brand"] ?? "" }, 1);
        await reread;
      }
      await route.continue();
    });
    await page.goto("/admin/wallet");
    const history = panel(page, "History");
    await expectCount(history.getByRole("row"), 26);
    await settled(page);
    await page.getByRole("button", { name: "Show older entries" }).click();
    await expectCount(history.getByRole("row"), 51);
    expect(interruptions).toBe(1);
    await close();
  });

  it("looks as it should", () =>
    looksGood(ANALYST, "/admin/wallet", "brand-wallet", "History"));
});

describe("finance", () => {
  it("corrects a wallet once, with a reason that only the audit log keeps", async () => {
    const { page, close, complaints } = await stage.visit({ as: FINANCE });
    await page.goto(`/admin/brands/${ids["brand"]}/show`);
    await page.getByRole("link", { name: "Wallet", exact: true }).click();
    await page
      .getByRole("heading", { level: 1, name: "Wallet of Atelier Nord" })
      .waitFor();
    await page.getByRole("button", { name: "Correct the wallet" }).click();
    const dialog = page.getByRole("dialog");
    const submit = dialog.getByRole("button", { name: "Add credits" }).last();
    await dialog.getByLabel("Credits *").fill("1.5");
    await dialog
      .getByText("Write a whole number from 1 to 1,000,000.")
      .waitFor();
    await dialog.getByLabel("Credits *").fill("40");
    expect(await submit.isDisabled()).toBe(true);
    await dialog
      .getByLabel("Reason *")
      .fill("Ticket 4711, lost results of May");
    await picture(page, "wallet-correction");
    // Twice, as impatient people do: one entry.
    await submit.dblclick();
    await page.getByText(/^Booked\./).waitFor();
    const entry = page.getByText("40 credits added by ClosetAI");
    await entry.first().waitFor();
    expect(
      await value(
        stage.db.root,
        "select count(*)::int from app_public.credit_transfers where kind = 'grant' and amount = 40 and owner_brand_id = $1",
        [ids["brand"]],
      ),
    ).toBe(1);

    expect(await page.content()).not.toContain("Ticket 4711");
    expect(
      await value(
        stage.db.root,
        "select reason from app_public.audit_log where action = 'adjust_credits'",
      ),
    ).toBe("Ticket 4711, lost results of May");

    await page.getByRole("button", { name: "Correct the wallet" }).click();
    await dialog
      .getByRole("button", { name: "Take credits back" })
      .first()
      .click();
    await dialog.getByLabel("Credits *").fill("999999");
    await dialog
      .getByLabel("Reason *")
      .fill("More than there is in this wallet");
    await dialog
      .getByRole("button", { name: "Take credits back" })
      .last()
      .click();
    await expectText(dialog.getByRole("alert"), /The wallet holds only/);
    await dialog.getByLabel("Credits *").fill("15");
    await dialog
      .getByRole("button", { name: "Take credits back" })
      .last()
      .click();
    await page.getByText("15 credits taken back by ClosetAI").first().waitFor();
    // Chromium reports the status of the refusal; nothing else went wrong.
    expect(complaints.filter((text) => !/status of 4\d\d/.test(text))).toEqual(
      [],
    );

    await page.goto("/admin/reconcile");
    await page.getByRole("heading", { name: "The books agree" }).waitFor();
    await close();
    await looksGood(
      FINANCE,
      "/admin/reconcile",
      "reconcile",
      "The books agree",
    );
    await looksGood(
      FINANCE,
      `/admin/brand_credits/${ids["brand"]}/show`,
      "staff-wallet",
      "History",
    );
  });

  it("gives unlimited try-ons for a while", async () => {
    const { page, close } = await stage.visit({ as: FINANCE });
    await page.goto(`/admin/user_credits/${ids["shopper"]}/show`);
    await page.getByRole("button", { name: "Give unlimited try-ons" }).click();
    const dialog = page.getByRole("dialog");
    const nextYear = new Date().getFullYear() + 1;
    await dialog.getByLabel("Last day *").fill(`${nextYear}-12-31`);
    await dialog.getByLabel("Reason *").fill("Winner of the spring draw");
    await dialog.getByRole("button", { name: "Give", exact: true }).click();
    await page.getByText(/unlimited until/).waitFor();
    await close();
  });
});

describe("staff", () => {
  it("see the queue, what failed and how fast it goes, with the jobs behind it", async () => {
    await expireStale(stage.db.root);
    const { page, close, complaints } = await stage.visit({ as: people.staff });
    await page.goto("/admin/operations");
    // The sweep goes on meanwhile, so both are read until they agree.
    const agrees = (waiting: number) =>
      eventually(async () => {
        const { rows } = await stage.db.root.query<Record<string, string>>(
          "select waiting, delayed, running from app_public.tryon_queue()",
        );
        const [queue] = rows;
        expect(Number(queue?.["waiting"])).toBeGreaterThanOrEqual(waiting);
        expect([
          await figure(page, "Waiting").innerText(),
          await figure(page, "Delayed").innerText(),
          await figure(page, "Running").innerText(),
        ]).toEqual([
          queue?.["waiting"],
          queue?.["delayed"],
          queue?.["running"],
        ]);
      });
    await agrees(1);
    // It follows by itself.
    const before = Number(await figure(page, "Waiting").innerText());
    const shopper = await stage.visit({ as: SHOPPER });
    await shopper.page.goto("/admin/wallet");
    await requestTryon(shopper.page);
    await shopper.close();
    await agrees(before + 1);
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByText("Paused").waitFor();
    const failures = panel(page, "Why attempts failed");
    await failures.getByRole("link", { name: "GPU_OUT_OF_MEMORY" }).click();
    await page.waitForURL(/tryon_jobs\?/);
    await settled(page);
    await page.getByText(/^1-\d+ of \d+/).waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("board looks as it should", () =>
    looksGood(
      people.staff,
      "/admin/operations",
      "operations",
      "Why attempts failed",
    ));

  it("make a worker key, shown once, and revoke it", async () => {
    const { page, close, complaints } = await stage.visit({ as: people.staff });
    await page.goto("/admin/worker_keys");
    await page.getByText("No worker key yet").waitFor();
    await page.getByRole("button", { name: "New key" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name *").fill("Not a name!");
    await dialog.getByRole("button", { name: "Make the key" }).click();
    await expectText(dialog.getByRole("alert"), /lower-case letters/);
    await dialog.getByLabel("Name *").fill("gpu-frankfurt-1");
    await dialog.getByRole("button", { name: "Make the key" }).click();
    const field = page.getByRole("textbox", { name: "Worker key" });
    await field.waitFor();
    const token = await field.inputValue();
    expect(token).toMatch(/^wk_/);
    await page.getByRole("button", { name: "Close" }).click();
    await page.getByText("gpu-frankfurt-1").waitFor();
    expect(await page.content()).not.toContain(token);
    await looksGood(
      people.staff,
      "/admin/worker_keys",
      "worker-keys",
      "Worker keys",
    );
    await page.getByRole("button", { name: "Revoke gpu-frankfurt-1" }).click();
    await dialog.getByRole("button", { name: "Revoke" }).click();
    await page.getByText("Revoked", { exact: true }).first().waitFor();
    expect(complaints.filter((text) => !/status of 4\d\d/.test(text))).toEqual(
      [],
    );
    await close();
  });

  it("see what failed in the background, and run it again", async () => {
    const { root } = stage.db;
    // Nobody serves this task here, so nobody takes it while it is looked at.
    const job = await value<string>(
      root,
      "select id from graphile_worker.add_job('archive_results', max_attempts => 3)",
    );
    await root.query(
      `update graphile_worker._private_jobs set attempts = 3,
         last_error = 'The storage answered 503: no space left' || chr(10) || 'at somewhere' where id = $1`,
      [job],
    );
    await looksGood(
      people.staff,
      "/admin/background",
      "background",
      "Recent runs",
    );
    const { page, close, complaints } = await stage.visit({ as: people.staff });
    await page.goto("/admin/background");
    const failed = panel(page, "Jobs that failed");
    await failed.getByText("The storage answered 503: no space left").waitFor();
    expect(await failed.innerText()).not.toContain("somewhere");
    await failed
      .getByRole("button", { name: "Run archive_results again" })
      .click();
    await page.getByText("It is queued again").waitFor();
    await failed.getByText("No job has failed.").waitFor();
    expect(
      await value(
        root,
        "select attempts::int from graphile_worker._private_jobs where id = $1",
        [job],
      ),
    ).toBe(0);
    expect(complaints).toEqual([]);
    await close();
  });

  it("of support neither correct wallets nor make keys", async () => {
    await stage.db.root.query(
      "update app_public.staff_members set role = 'support' where user_id = (select id from app_public.users where email = $1)",
      [FINANCE],
    );
    const { page, close } = await stage.visit({ as: FINANCE });
    await page.goto(`/admin/brand_credits/${ids["brand"]}/show`);
    await page.getByRole("heading", { name: "History" }).waitFor();
    await settled(page);
    expect(
      await page.getByRole("button", { name: "Correct the wallet" }).count(),
    ).toBe(0);
    await page.goto("/admin/reconcile");
    await page
      .getByRole("heading", {
        level: 2,
        name: "This page is not part of your role",
      })
      .waitFor();
    await close();
  });
});
