import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Page } from "playwright-core";

import { DEMO_PASSWORD } from "../../server/demoAccounts.ts";
import { eventually, expectText, expectValue } from "../helpers/browser.ts";
import { findings } from "./findings.ts";
import { openStage, people, settled, type Stage } from "./stage.ts";

// Real browsers on a busy machine take their time.
jest.setTimeout(900_000);

const TYPED = "Typed before the session ended";

describe("a page that is open while the session changes", () => {
  let stage: Stage;
  let product = "";

  beforeAll(async () => {
    stage = await openStage();
    const { rows } = await stage.db.root.query<{ id: string }>(
      `select p.id from app_public.products p join app_public.brand_accounts b on b.id = p.brand_id
        where b.slug = 'maison-lumiere' order by p.sku limit 1`,
    );
    product = rows[0]?.id ?? "";
  });
  afterAll(() => stage?.close());

  const nameOf = async () => {
    const { rows } = await stage.db.root.query<{ name: string }>(
      "select name from app_public.products where id = $1",
      [product],
    );
    return rows[0]?.name;
  };

  /** The form of a product with a new name that is not saved yet. */
  async function typed(page: Page, name: string): Promise<void> {
    await page.goto(`/admin/products/${product}`);
    await page.getByLabel("Name").waitFor();
    await settled(page);
    await page.getByLabel("Name").fill(name);
  }

  /** The person comes back to this tab: what it shows is read again. */
  const lookAt = (page: Page) =>
    page.evaluate(() => {
      window.dispatchEvent(new Event("focus"));
      window.dispatchEvent(new Event("visibilitychange"));
    });

  const post = (page: Page, path: string, data: object) =>
    page.context().request.post(path, {
      data,
      headers: { origin: stage.server.url },
    });

  it.each(["light", "dark"] as const)(
    "asks for the password where it is, and saves what was typed (%s)",
    async (scheme) => {
      const owner = await stage.visit({
        as: people.owner,
        scheme,
        width: scheme === "dark" ? 390 : 1280,
      });
      const { page } = owner;
      const name = `${TYPED}, ${scheme}`;
      await typed(page, name);
      // In the database, as by a change of the password elsewhere.
      await stage.db.root.query("delete from app_private.sessions");
      await page.getByRole("button", { name: "Save" }).click();
      const dialog = page.getByRole("dialog", { name: "Sign in again" });
      await expectText(dialog, /owner@maison-lumiere\.test/);
      expect(await findings(page)).toEqual([]);

      await dialog.getByLabel(/^Password/).fill("not this one");
      await page.keyboard.press("Enter");
      await expectText(dialog.getByRole("alert"), /password is wrong/);
      await dialog.getByLabel(/^Password/).fill(DEMO_PASSWORD);
      await page.keyboard.press("Enter");
      await dialog.waitFor({ state: "detached" });
      await settled(page);

      await expectValue(page.getByLabel("Name"), name);
      expect(await nameOf()).not.toBe(name);
      await page.getByRole("button", { name: "Save" }).click();
      await eventually(async () => expect(await nameOf()).toBe(name));
      await owner.close();
    },
  );

  it("shows nobody's rows under the name of a brand after another tab signed out", async () => {
    const owner = await stage.visit({ as: people.owner });
    const { page } = owner;
    await page.goto("/admin/products");
    await page.getByText(/^1-25 of/).waitFor();
    await settled(page);
    expect((await post(page, "/auth/logout", {})).ok()).toBe(true);
    await page.getByRole("button", { name: "Go to page 2" }).click();
    await page.getByRole("dialog", { name: "Sign in again" }).waitFor();
    await page.getByRole("button", { name: "Leave this page" }).click();
    await page.waitForURL(/\/login$/);
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await owner.close();
  });

  it("asks whether to go back to its brand after another tab chose another one", async () => {
    const agency = await stage.visit({ as: "agency@closetai.test" });
    const { page } = agency;
    const { rows } = await stage.db.root.query<{ slug: string; id: string }>(
      "select slug, id from app_public.brand_accounts where slug in ('maison-lumiere', 'northside-denim')",
    );
    const brands = Object.fromEntries(rows.map(({ slug, id }) => [slug, id]));
    const choose = (slug: string) =>
      post(page, "/auth/brand", { brandId: brands[slug] });
    expect((await choose("maison-lumiere")).ok()).toBe(true);
    await page.goto("/admin/products");
    await page.getByText(/^1-25 of/).waitFor();
    await settled(page);

    expect((await choose("northside-denim")).ok()).toBe(true);
    await page.getByRole("button", { name: "Go to page 2" }).click();
    const dialog = page.getByRole("dialog", {
      name: "Something changed in another tab",
    });
    await expectText(dialog, /opened for Maison Lumière.*Northside Denim/s);
    expect(await findings(page)).toEqual([]);
    await dialog
      .getByRole("button", { name: "Go on with Maison Lumière" })
      .click();
    await dialog.waitFor({ state: "detached" });
    await page.getByText(/^1-25 of/).waitFor();
    await expectText(page.locator("tbody"), /ML-\d+/);

    // Put right in the other tab, it needs no answer in this one.
    expect((await choose("northside-denim")).ok()).toBe(true);
    await lookAt(page);
    await dialog.waitFor();
    expect((await choose("maison-lumiere")).ok()).toBe(true);
    await lookAt(page);
    await dialog.waitFor({ state: "detached" });

    expect((await choose("northside-denim")).ok()).toBe(true);
    await lookAt(page);
    await dialog.getByRole("button", { name: "Open Northside Denim" }).click();
    await page
      .getByRole("button", { name: /Working as Northside Denim/ })
      .waitFor();
    await agency.close();
  });

  it("says who signed in in another tab, and offers no way back to the former", async () => {
    const owner = await stage.visit({ as: people.owner });
    const { page } = owner;
    await page.goto("/admin/products");
    await page.getByText(/^1-25 of/).waitFor();
    await settled(page);
    const login = { email: people.shopper, password: DEMO_PASSWORD };
    expect((await post(page, "/auth/login", login)).ok()).toBe(true);
    await page.getByRole("button", { name: "Go to page 2" }).click();
    const dialog = page.getByRole("dialog", {
      name: "Something changed in another tab",
    });
    await expectText(dialog, /shopper@closetai\.test signed in/);
    await dialog
      .getByRole("button", { name: "Open shopper@closetai.test" })
      .click();
    await page.getByRole("link", { name: "Wardrobe" }).waitFor();
    await owner.close();
  });
});
