import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Page } from "playwright-core";

import { eventually, expectCount, expectText } from "../helpers/browser.ts";
import {
  actAs,
  beginResult,
  claim,
  complete,
  fail,
  type TryonJob,
  WORKER,
} from "../helpers/tryons.ts";
import { findings } from "./findings.ts";
import { openStage, people, picture, settled, type Stage } from "./stage.ts";

// Real browsers on a busy machine take their time.
jest.setTimeout(900_000);

const SUPPORT = "support@closetai.test";
const GPU = "gpu-test/1";

let stage: Stage;
let product: { id: string; name: string; category: string };
/** The demo's shopper and brand. */
let shopper = "";
let brand = "";

beforeAll(async () => {
  stage = await openStage();
  const { rows } = await stage.db.root.query<{
    product: string;
    name: string;
    category: string;
    brand: string;
    shopper: string;
  }>(
    `select p.id as product, p.name, p.category_code as category, b.id as brand, u.id as shopper
       from app_public.brand_accounts b
       join lateral (
         select * from app_public.products where brand_id = b.id and active order by created_at desc, id limit 1
       ) p on true
       join app_public.users u on u.email = $1
      where b.slug = 'maison-lumiere'`,
    [people.shopper],
  );
  const found = rows[0];
  if (found === undefined) throw new Error("The demo has no such brand");
  product = {
    id: found.product,
    name: found.name,
    category: found.category,
  };
  ({ shopper, brand } = found);
  const { page, close } = await stage.visit({ width: 640 });
  await page.goto("/illustrations/dresses.svg?color=rose");
  photograph = await page.screenshot({
    clip: { x: 0, y: 0, width: 512, height: 512 },
  });
  await close();
}, 300_000);

afterAll(() => stage?.close());

/** A picture for selfies and results: a drawing of ours, as a photograph. */
let photograph: Buffer;

const asFile = () => ({
  name: "me.png",
  mimeType: "image/png",
  buffer: photograph,
});

/** The bytes of a stored file, as an upload would have left them. */
function store(key: string): void {
  const { storage } = stage.server.config;
  if (storage.driver !== "fs") throw new Error("Tests store on the disk");
  const path = join(storage.dir, key);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, photograph);
}

/** What a GPU worker does, in a transaction of its own. */
async function asWorker<T>(
  fn: (client: Parameters<typeof claim>[0]) => Promise<T>,
): Promise<T> {
  const client = await stage.db.root.connect();
  try {
    await client.query("begin");
    const result = await actAs(client, WORKER, () => fn(client));
    await client.query("commit");
    return result;
  } finally {
    client.release();
  }
}

/** This job, whatever else of the demo waits before it. */
async function takeThis(id: string): Promise<TryonJob> {
  for (;;) {
    const jobs = await asWorker((client) => claim(client, GPU, 100));
    const job = jobs.find((one) => one.id === id);
    if (job !== undefined) return job;
    if (jobs.length === 0) throw new Error("It does not wait");
  }
}

/** The job whose page is open. */
const shownOn = (page: Page): string =>
  /([0-9a-f-]{36})\/show/.exec(page.url())?.[1] ?? "";

async function deliver(job: TryonJob): Promise<void> {
  const key = await asWorker((client) => beginResult(client, GPU, job));
  store(key);
  await stage.db.root.query(
    "select app_private.complete_upload($1, 4, sha256('seen'::bytea))",
    [key],
  );
  await asWorker((client) => complete(client, GPU, job, key));
}

/** A job that waits, by the database itself: the form is tried once. */
async function askFor(owner: { user: string } | { brand: string }) {
  const isBrand = "brand" in owner;
  const { rows } = await stage.db.root.query<{ key: string }>(
    `with file as (
       insert into app_public.storage_objects
         (key, owner_user_id, owner_brand_id, kind, content_type, bytes, status, sha256)
       values ('selfie/2026/01/' || gen_random_uuid() || '.png', $1, $2, 'selfie', 'image/png', 4, 'available', sha256('x'))
       returning key
     ), given as (
       select app_private.add_grant($1, $2, 'promo', 5)
     )
     select key from file, given`,
    isBrand ? [null, owner.brand] : [owner.user, null],
  );
  const key = rows[0]?.key ?? "";
  store(key);
  const { rows: made } = await stage.db.root.query<{ id: string }>(
    "select (app_private.create_tryon($1, $2, $3, $4, array[$5]::uuid[], '{}', null, null)).id",
    [
      isBrand ? null : owner.user,
      isBrand ? owner.brand : null,
      product.category,
      key,
      product.id,
    ],
  );
  return made[0]?.id ?? "";
}

const jobsOf = async (id: string): Promise<number> => {
  const { rows } = await stage.db.root.query<{ n: number }>(
    "select count(*)::int as n from app_public.tryon_jobs where user_id = $1 or (user_id is null and brand_id = $1)",
    [id],
  );
  return rows[0]?.n ?? 0;
};

/** Fills the form for the product, up to its button. */
async function fillForm(page: Page, jobs: string): Promise<void> {
  await page.goto(`/admin/${jobs}/create?product=${product.id}`);
  const summary = page.getByRole("region", { name: "Your try-on" });
  await summary.getByText(product.name).waitFor();
  await page.locator('input[type="file"]').setInputFiles(asFile());
  await page
    .getByRole("button", { name: "Replace" })
    .or(page.getByText("Replace the picture"))
    .first()
    .waitFor();
}

const ledger = (page: Page) => page.getByRole("region", { name: "Credits" });

describe("a shopper", () => {
  it("asks for a try-on once, sees the price before, and follows it to its result", async () => {
    const visit = await stage.visit({ as: people.shopper });
    const { page } = visit;
    const before = await jobsOf(shopper);
    await fillForm(page, "tryon_jobs");
    const summary = page.getByRole("region", { name: "Your try-on" });
    await expectText(summary, /Costs\s+1 credit/);
    await expectText(summary, /Left afterwards/);
    expect(await findings(page)).toEqual([]);
    await picture(page, "tryon-form");

    // Twice, as an impatient hand does.
    await page
      .getByRole("button", { name: "Try it on" })
      .dblclick({ delay: 20 });
    await page.waitForURL(/\/tryon_jobs\/[0-9a-f-]{36}\/show/);
    await page.getByText("Waiting", { exact: true }).first().waitFor();
    expect(await jobsOf(shopper)).toBe(before + 1);
    await ledger(page).getByText("Hold", { exact: true }).waitFor();
    let loads = 0;
    page.on("framenavigated", () => (loads += 1));

    const first = await takeThis(shownOn(page));
    await page.getByText("Attempt 1 is running").waitFor();
    await asWorker((client) => fail(client, GPU, first, "NO_BODY_FOUND"));
    await page.getByText("Attempt 1 did not work out").waitFor();
    await page.getByText("Waiting for attempt 2").waitFor();
    await stage.db.root.query(
      "update app_public.tryon_jobs set run_after = now() where id = $1",
      [first.id],
    );
    await deliver(await takeThis(first.id));
    await page.getByText("Attempt 2 delivered a result").waitFor();
    await ledger(page).getByText("Charge", { exact: true }).waitFor();
    expect(loads).toBe(0);

    await page.getByRole("button", { name: "It sits right" }).click();
    await page.getByText("Thank you. Your rating is saved.").waitFor();
    await page.locator("label").filter({ hasText: "4 of 5" }).click();
    await eventually(async () => {
      const { rows } = await stage.db.root.query(
        "select accurate, rating from app_public.tryon_feedback where job_id = $1",
        [first.id],
      );
      expect(rows).toEqual([{ accurate: true, rating: 4 }]);
    });
    expect(await findings(page)).toEqual([]);
    await picture(page, "tryon-done");
    await visit.close();
  });

  it("cancels what waits, told before and after where the credits go", async () => {
    const id = await askFor({ user: shopper });
    const visit = await stage.visit({
      as: people.shopper,
      width: 390,
      scheme: "dark",
    });
    const { page } = visit;
    await page.goto(`/admin/tryon_jobs/${id}/show`);
    await page.getByRole("button", { name: "Cancel the try-on" }).click();
    const dialog = page.getByRole("dialog");
    await expectText(dialog, /1 credit\) goes back to your wallet/);
    await dialog.getByRole("button", { name: "Cancel the try-on" }).click();
    await expectText(dialog, /The try-on is cancelled/);
    await dialog.getByText("Release", { exact: true }).waitFor();
    await expectText(dialog, /\+1 credit/);
    expect(await findings(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Close" }).click();
    await ledger(page).getByText("Release", { exact: true }).waitFor();
    await expectCount(
      page.getByRole("button", { name: "Cancel the try-on" }),
      0,
    );
    await picture(page, "tryon-cancelled-phone-dark");
    await visit.close();
  });

  it("is told in words that no credits are left, and nothing is made", async () => {
    await stage.db.root.query(
      "update app_public.credit_grants set expires_at = now() where owner_user_id = $1 and effective_at < now()",
      [shopper],
    );
    const before = await jobsOf(shopper);
    const visit = await stage.visit({ as: people.shopper });
    const { page } = visit;
    await fillForm(page, "tryon_jobs");
    await page
      .getByText("You have not enough credits for this.", { exact: false })
      .waitFor();
    await page.getByRole("button", { name: "Try it on" }).click();
    await expectText(page.getByRole("alert").last(), /not enough credits/);
    expect(await jobsOf(shopper)).toBe(before);
    await visit.close();
  });
});

describe("a brand", () => {
  it.each([
    ["", 1280, "light"],
    ["-dark", 1280, "dark"],
    ["-phone", 390, "light"],
  ] as const)(
    "lists the try-ons of its products, and sees them on a board that moves%s",
    async (suffix, width, scheme) => {
      const waiting = await askFor({ user: shopper });
      const visit = await stage.visit({ as: people.owner, width, scheme });
      const { page } = visit;
      await page.goto("/admin/brand_tryon_jobs?show=list");
      await page.getByText(product.name).first().waitFor();
      // Neither the shopper nor a selfie, wherever one looks.
      const text = await page.locator("main").innerText();
      expect(text).not.toMatch(/shopper@|Juno/);
      expect(await findings(page)).toEqual([]);
      await picture(page, `tryon-list${suffix}`);

      await page.goto("/admin/brand_tryon_jobs?show=board");
      const column = (name: string) =>
        width < 600
          ? page.getByRole("tabpanel")
          : page.getByRole("region", { name });
      if (width < 600) {
        await page.getByRole("tab", { name: /^Waiting/ }).click();
      }
      const card = (name: string) =>
        column(name).locator(`a[href*="${waiting}"]`);
      await card("Waiting").waitFor();
      expect(await findings(page)).toEqual([]);
      await picture(page, `tryon-board${suffix}`);
      const job = await takeThis(waiting);
      if (width < 600) {
        await page.getByRole("tab", { name: /^Running/ }).click();
      }
      await card("Running").waitFor();
      await deliver(job);
      if (width < 600) {
        await page.getByRole("tab", { name: /^Completed/ }).click();
      }
      await card("Completed").waitFor();

      // Remembered for the next time.
      await page.goto("/admin/brand_tryon_jobs");
      await page
        .getByRole("button", { name: "Board", pressed: true })
        .waitFor();
      await visit.close();
    },
  );

  it("sees a shopper's try-on without the shopper and the picture, and cannot cancel it", async () => {
    const id = await askFor({ user: shopper });
    const visit = await stage.visit({ as: people.owner });
    const { page } = visit;
    await page.goto(`/admin/brand_tryon_jobs/${id}/show`);
    await page.getByRole("heading", { name: product.name }).first().waitFor();
    await settled(page);
    await expectCount(
      page.getByRole("button", { name: "Cancel the try-on" }),
      0,
    );
    await deliver(await takeThis(id));
    await page
      .getByText("The picture shows the shopper, and only the shopper sees it.")
      .waitFor();
    expect(await page.locator("main").innerText()).not.toMatch(/Juno|gpu-test/);
    await visit.close();
  });

  it("tries its own product on a model picture, and stops it", async () => {
    await askFor({ brand });
    const visit = await stage.visit({ as: people.owner });
    const { page } = visit;
    await fillForm(page, "brand_tryon_jobs");
    await page.getByRole("button", { name: "Try it on" }).click();
    await page.waitForURL(/\/brand_tryon_jobs\/[0-9a-f-]{36}\/show/);
    await page.getByRole("button", { name: "Cancel the try-on" }).click();
    const dialog = page.getByRole("dialog");
    await expectText(dialog, /your brand's wallet/);
    await dialog.getByRole("button", { name: "Cancel the try-on" }).click();
    await dialog.getByText("Release", { exact: true }).waitFor();
    await visit.close();
  });
});

describe("support", () => {
  it("refunds a completed try-on with a reason and sees the new entry", async () => {
    const id = await askFor({ user: shopper });
    await deliver(await takeThis(id));
    const visit = await stage.visit({ as: SUPPORT });
    const { page } = visit;
    await page.goto(`/admin/tryon_jobs/${id}/show`);
    await page.getByText("worker gpu-test/1", { exact: false }).waitFor();
    await page.getByText("staff do not see it", { exact: false }).waitFor();
    await page.getByRole("button", { name: "Refund" }).click();
    const dialog = page.getByRole("dialog");
    const refund = dialog.getByRole("button", { name: "Refund" });
    await dialog.getByRole("textbox", { name: "Reason" }).fill("too short");
    await eventually(async () => expect(await refund.isDisabled()).toBe(true));
    await dialog
      .getByRole("textbox", { name: "Reason" })
      .fill("Ticket 4711: the sleeves were missing");
    expect(await findings(page)).toEqual([]);
    await refund.click();
    await expectText(dialog, /The credits are given back/);
    await expectText(dialog, /\+1 credit/);
    // What staff write is for the audit trail; the ledger's words are its owner's.
    await expectText(dialog, /Refund of a try-on/);
    expect(await dialog.innerText()).not.toContain("Ticket 4711");
    await picture(page, "tryon-refunded");
    await dialog.getByRole("button", { name: "Close" }).click();
    await ledger(page).getByText("Refund", { exact: true }).waitFor();
    await expectCount(page.getByRole("button", { name: "Refund" }), 0);
    await visit.close();
  });

  it("tries a failed one again at nobody's cost, and finds somebody was quicker", async () => {
    const id = await askFor({ user: shopper });
    const job = await takeThis(id);
    await asWorker((client) => fail(client, GPU, job, "LOW_LIGHT", false));
    const visit = await stage.visit({ as: SUPPORT });
    const { page } = visit;
    await page.goto(`/admin/tryon_jobs/${id}/show`);
    await page.getByText("The picture is too dark").first().waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    const dialog = page.getByRole("dialog");
    await expectText(dialog, /nobody pays for this/);
    await dialog.getByRole("button", { name: "Try again" }).click();
    await dialog.getByText("Hold", { exact: true }).waitFor();
    await dialog.getByRole("link", { name: "Open the new try-on" }).click();
    await page.getByText("Repeats an earlier try-on").waitFor();

    // The button of a page that has not heard yet is refused in words.
    await page.getByRole("button", { name: "Cancel the try-on" }).click();
    const again = await takeThis(shownOn(page));
    await page
      .getByRole("dialog")
      .getByRole("button", { name: "Cancel the try-on" })
      .click();
    await expectText(
      page.getByRole("dialog").getByRole("alert"),
      /processing cannot be cancelled/,
    );
    await deliver(again);
    await visit.close();
  });
});
