import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Page } from "playwright-core";

import { projectDir } from "../../server/config.ts";
import { DEMO_PASSWORD } from "../../server/demoAccounts.ts";
import {
  eventually,
  expectCount,
  expectText,
  expectValue,
} from "../helpers/browser.ts";
import { hasRealFile, REAL_FILE } from "../helpers/imports.ts";
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

/** What the page must show for the file it is given. */
type Catalogue = {
  file: string | { name: string; mimeType: string; buffer: Buffer };
  accepted: number;
  refused: number;
  /** A name that only this file brings. */
  product: string;
  unmapped: { label: string; rows: number };
};

function madeCatalogue(): Catalogue {
  const header =
    "id,gender,masterCategory,subCategory,articleType,baseColour,season,year,usage,productDisplayName";
  const rows = Array.from({ length: 120 }, (_item, index) =>
    [
      90_000 + index,
      "Women",
      "Apparel",
      "Topwear",
      index < 100 ? "Tshirts" : "Sandals",
      "Navy Blue",
      "Summer",
      2026,
      "Casual",
      index === 7 ? "Quarzazate Smock" : `Quarzazate Tee ${index}`,
    ].join(","),
  );
  return {
    file: {
      name: "made-catalogue.csv",
      mimeType: "text/csv",
      buffer: Buffer.from([header, ...rows].join("\n")),
    },
    accepted: 100,
    refused: 20,
    product: "Quarzazate Smock",
    unmapped: { label: "Sandals", rows: 20 },
  };
}

function realCatalogue(): Catalogue {
  const lines = readFileSync(REAL_FILE, "utf8").trim().split(/\r?\n/);
  const sandals = lines.filter((line) => line.split(",")[4] === "Sandals");
  return {
    file: REAL_FILE,
    accepted: 986,
    refused: 113,
    product: "Nike Sahara Team India Fanwear Round Neck Jersey",
    unmapped: { label: "Sandals", rows: sandals.length },
  };
}

const dist = join(projectDir, "admin", "dist");

const catalogue = hasRealFile ? realCatalogue() : madeCatalogue();

/** The figure above these words. */
const expectTally = (page: Page, label: string, figure: number) =>
  expectText(
    page
      .getByText(label, { exact: true })
      .locator("xpath=preceding-sibling::*[1]"),
    new Intl.NumberFormat("en").format(figure),
  );

/** An invitation's link is shown once, when the server has made it. */
async function invitationLink(page: Page): Promise<string> {
  const field = page.getByLabel("Invitation link");
  await expectValue(field, /\/admin\/accept-invite#token=/);
  return field.inputValue();
}

async function signIn(page: Page, email: string): Promise<void> {
  if (!page.url().endsWith("/admin/login")) await page.goto("/admin/login");
  await page.getByLabel("E-mail").fill(email);
  await page
    .getByLabel("Password", { exact: false })
    .first()
    .fill(DEMO_PASSWORD);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("button", { name: "Your account" }).waitFor();
}

async function signOut(page: Page): Promise<void> {
  await page.getByRole("button", { name: "Your account" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}

async function search(page: Page, words: string): Promise<void> {
  // The list remembers its filter; this address asks for none.
  await page.goto("/admin/products?filter=%7B%7D");
  await settled(page);
  await page.getByRole("searchbox", { name: "Search" }).fill(words);
  await page.waitForURL((url) =>
    (url.searchParams.get("filter") ?? "").includes('"q"'),
  );
}

describe("the admin in a browser", () => {
  let stage: Stage;
  let visit: Visit;
  let page: Page;

  beforeAll(async () => {
    stage = await openStage();
    visit = await stage.visit();
    page = visit.page;
  });
  afterAll(async () => {
    await visit?.close();
    await stage?.close();
  });

  it("greets a stranger with the sign-in page and refuses a wrong password", async () => {
    const addresses: string[] = [];
    page.on("framenavigated", (frame) => addresses.push(frame.url()));
    await page.goto("/admin/products");
    await page.getByRole("heading", { name: "Sign in" }).waitFor();
    await picture(page, "sign-in");
    // One page asked for, one sign-in page: no going back and forth between them.
    const paths = addresses.map((address) => new URL(address).pathname);
    expect(paths.filter((path, at) => path !== paths[at - 1])).toEqual([
      "/admin/products",
      "/admin/login",
    ]);
    page.removeAllListeners("framenavigated");
    await page.getByLabel("E-mail").fill(people.owner);
    await page
      .getByLabel("Password", { exact: false })
      .first()
      .fill("not the password");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await expectText(page.getByRole("alert"), /wrong/i);
    // Chromium itself reports the 401 the server rightly answered.
    expect(visit.complaints.splice(0)).toEqual([
      expect.stringContaining("401"),
    ]);
  });

  it("asks for less than 450 kB of compressed script at first", () => {
    const html = readFileSync(join(dist, "index.html"), "utf8");
    const scripts = [
      ...html.matchAll(/(?:src|href)="\/admin\/(assets\/[^"]+\.js)"/g),
    ].map(([, path]) => path ?? "");
    expect(scripts.length).toBeGreaterThan(0);
    const bytes = scripts
      .map((path) => gzipSync(readFileSync(join(dist, path))).length)
      .reduce((sum, length) => sum + length, 0);
    expect(bytes).toBeLessThan(450_000);
  });

  it("shows the owner true figures that lead to their rows", async () => {
    await signIn(page, people.owner);
    // Signing in leads back to the page that was asked for.
    await page.waitForURL((url) => url.pathname === "/admin/products");
    await page.getByRole("link", { name: "Home", exact: true }).click();
    await page.getByRole("heading", { level: 1, name: /^Good / }).waitFor();
    await picture(page, "home");
    const { rows } = await stage.db.root.query<{
      products: number;
      dresses: number;
    }>(
      `select count(*)::int as products,
              count(*) filter (where p.category_code = 'dresses')::int as dresses
       from app_public.products p
       join app_public.brand_accounts b on b.id = p.brand_id
       where b.slug = 'maison-lumiere'`,
    );
    const facts = rows[0] ?? { products: -1, dresses: -1 };
    const figure = page
      .locator(".MuiCard-root", { hasText: "Products" })
      .first();
    await eventually(async () =>
      expect(await figure.innerText()).toContain(
        new Intl.NumberFormat("en").format(facts.products),
      ),
    );
    await page.getByRole("link", { name: /^Dresses/ }).click();
    await page.getByRole("heading", { level: 1, name: "Products" }).waitFor();
    await expectText(page.getByText(/1-25 of/), `1-25 of ${facts.dresses}`);
  });

  it("imports the catalogue through the page: mapping, dry run, run", async () => {
    await page.getByRole("link", { name: "Imports" }).click();
    await page
      .getByRole("link", { name: "Import a catalogue" })
      .first()
      .click();
    await page.locator("input[type=file]").setInputFiles(catalogue.file);

    await page
      .getByRole("heading", { name: "Which column is which?" })
      .waitFor();
    for (const [field, column] of [
      ["SKU", "id"],
      ["Name", "productDisplayName"],
      ["Category", "articleType"],
    ] as const) {
      const name = `Column for ${field}`;
      await expectText(
        page.getByRole("combobox", { name, exact: true }),
        column,
      );
    }

    await page.getByRole("button", { name: "Dry run" }).click();
    await page.getByRole("heading", { name: "What would happen" }).waitFor();
    await expectTally(page, "would be created", catalogue.accepted);
    await expectTally(page, "refused", catalogue.refused);

    await page.getByRole("button", { name: "Import now" }).click();
    await page.getByRole("heading", { name: "Result", exact: true }).waitFor();
    await expectTally(page, "created", catalogue.accepted);
    await expectTally(page, "refused", catalogue.refused);
    await picture(page, "import");
  });

  it("adds a mapping with one click and runs the refused rows again", async () => {
    const { label, rows } = catalogue.unmapped;
    await page
      .getByRole("combobox", { name: `Category for ${label}`, exact: true })
      .click();
    await page.getByRole("option", { name: "Sneakers" }).click();
    await page
      .getByRole("listitem")
      .filter({ hasText: new RegExp(`^${label}`) })
      .getByRole("button", { name: "Add mapping" })
      .click();
    await page.getByText("Mapped to Sneakers").waitFor();
    await page
      .getByRole("button", { name: "Run refused rows again" })
      .last()
      .click();
    await page.getByText("Second try of the refused rows").waitFor();
    await page.getByRole("heading", { name: "Result", exact: true }).waitFor();
    await expectTally(page, "created", rows);
    await expectTally(page, "refused", catalogue.refused - rows);
  });

  it("shows the new rows in the product list", async () => {
    await search(page, catalogue.product);
    const found = page.getByRole("row", {
      name: new RegExp(catalogue.product),
    });
    await expectCount(found, 1);
    await page.goto("/admin/products?filter=%7B%7D&sort=name&order=ASC");
    await page.getByText(/^1-25 of/).waitFor();
    await picture(page, "list");
  });

  it("edits a product with a picture, tags and a price", async () => {
    await search(page, catalogue.product);
    // By its name: other cells lead elsewhere.
    await page
      .getByRole("row", { name: new RegExp(catalogue.product) })
      .getByText(catalogue.product)
      .click();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await page.getByLabel("Price").fill("1,299.5");
    await page.getByRole("combobox", { name: "Currency" }).click();
    await page.getByRole("option", { name: "EUR" }).click();
    await page.getByRole("combobox", { name: "Tags" }).fill("capsule,");
    // A real picture, drawn by the browser that is here anyway.
    const png = await page.screenshot({
      clip: { x: 0, y: 0, width: 64, height: 64 },
    });
    await page
      .locator("input[type=file]")
      .setInputFiles({ name: "look.png", mimeType: "image/png", buffer: png });
    await page.getByText("Replace the picture").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("€1,299.50").waitFor();
    await page.getByText("capsule", { exact: true }).waitFor();
    const image = page.getByRole("img", { name: catalogue.product });
    await eventually(async () =>
      expect(await image.getAttribute("src")).toContain("/files/"),
    );
    await expect(
      image.evaluate(async (element) => {
        const picture = element as HTMLImageElement;
        await picture.decode();
        return picture.naturalWidth;
      }),
    ).resolves.toBe(64);
  });

  it("says who changed the product, from what to what, and changes it back", async () => {
    await page.getByRole("tab", { name: "History" }).click();
    const change = page
      .getByRole("listitem")
      .filter({ hasText: "Camille Aubert" })
      .first();
    await expectText(change, /Price[\s\S]*€1,299\.50/);
    await change.getByRole("button", { name: "Revert Tags" }).click();
    await page.getByText("The former value is back").waitFor();
    await page.getByRole("tab", { name: "Details" }).click();
    await expectCount(page.getByText("capsule", { exact: true }), 0);
  });

  it("shows both versions when somebody else saved first, and saves the chosen one", async () => {
    const rename = async (to: string) => {
      await page.getByRole("link", { name: "Edit", exact: true }).click();
      await page.getByRole("textbox", { name: "Name" }).fill(to);
    };
    const isCalled = (name: string) =>
      page.getByRole("heading", { level: 2, name }).waitFor();

    await rename("My version");
    await stage.db.root.query(
      "update app_public.products set name = 'Their version' where name = $1",
      [catalogue.product],
    );
    await page.getByRole("button", { name: "Save" }).click();
    const dialog = page.getByRole("dialog", {
      name: "Somebody else saved this first",
    });
    await dialog.getByText("My version").waitFor();
    await dialog.getByRole("radio", { name: /Their version/ }).check();
    await dialog
      .getByRole("button", { name: "Save the chosen values" })
      .click();
    await isCalled("Their version");

    await rename(catalogue.product);
    await page.getByRole("button", { name: "Save" }).click();
    await isCalled(catalogue.product);
    // Chromium reports the refusal's status; nothing else may have gone wrong.
    const others = visit.complaints
      .splice(0)
      .filter((text) => !/status of 4\d\d/.test(text));
    expect(others).toEqual([]);
  });

  it("hides all of it from the owner of another brand", async () => {
    const address = page.url();
    await signOut(page);
    await signIn(page, people.otherOwner);
    await search(page, catalogue.product);
    await page.getByRole("heading", { name: "No match" }).waitFor();
    // Not empty because the page shows nothing: their own products are there.
    await page.getByRole("button", { name: "Clear all filters" }).click();
    await expectText(page.getByText(/1-25 of/), /^1-25 of \d+$/);
    await page.goto(address);
    await page.getByText("This is not here").waitFor();
    await signOut(page);
    expect(visit.complaints).toEqual([]);
  });
});

describe("people in a browser", () => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage();
  });
  afterAll(() => stage?.close());

  it("an owner invites a person, who accepts by the link that is shown once", async () => {
    const host = await stage.visit({ as: people.owner });
    await host.page.goto("/admin/members");
    await host.page.getByRole("button", { name: "Invite a person" }).click();
    await host.page
      .getByRole("textbox", { name: "E-mail" })
      .fill("new.hand@example.test");
    await host.page.getByRole("combobox", { name: "Role" }).click();
    await host.page.getByRole("option", { name: "Manager" }).click();
    await host.page
      .getByRole("button", { name: "Invite", exact: true })
      .click();
    const link = await invitationLink(host.page);
    await host.close();

    const guest = await stage.visit();
    await guest.page.goto(link);
    await guest.page
      .getByText("You are invited to Maison Lumière as Manager")
      .waitFor();
    await guest.page.getByLabel("Your name").fill("Noor Hand");
    await guest.page.getByLabel("New password").fill("a long enough sentence");
    await guest.page
      .getByRole("button", { name: "Accept the invitation" })
      .click();
    await guest.page.getByRole("heading", { level: 1, name: /Noor/ }).waitFor();
    await guest.page.getByText("Manager").first().waitFor();
    expect(guest.complaints).toEqual([]);
    await guest.close();
  });

  it("staff makes a brand and invites its first owner", async () => {
    const desk = await stage.visit({ as: people.staff });
    await desk.page.goto("/admin/brands/create");
    await desk.page.getByRole("textbox", { name: "Name" }).fill("Newcomer");
    await desk.page.getByRole("textbox", { name: "Slug" }).fill("newcomer");
    await desk.page.getByRole("button", { name: "Save" }).click();
    await desk.page.getByRole("button", { name: "Invite a person" }).click();
    await desk.page
      .getByRole("textbox", { name: "E-mail" })
      .fill("first@newcomer.test");
    await desk.page
      .getByRole("button", { name: "Invite", exact: true })
      .click();
    const link = await invitationLink(desk.page);

    const guest = await stage.visit();
    await guest.page.goto(link);
    await guest.page
      .getByText("You are invited to Newcomer as Owner")
      .waitFor();
    await guest.page.getByLabel("Your name").fill("Ines First");
    await guest.page.getByLabel("New password").fill("a long enough sentence");
    await guest.page
      .getByRole("button", { name: "Accept the invitation" })
      .click();
    await guest.page.getByRole("heading", { level: 1, name: /Ines/ }).waitFor();
    expect(guest.complaints).toEqual([]);
    await guest.close();

    // From here on the owner invites.
    await desk.page.reload();
    await desk.page.getByText("Ines First").first().waitFor();
    await settled(desk.page);
    await expectCount(
      desk.page.getByRole("button", { name: "Invite a person" }),
      0,
    );
    expect(desk.complaints).toEqual([]);
    await desk.close();
  });

  it("an analyst meets no button that would be refused", async () => {
    const visit = await stage.visit({ as: people.analyst });
    await visit.page.goto("/admin/products");
    // All is there that will be.
    await visit.page.getByText(/^1-\d+ of/).waitFor();
    await settled(visit.page);
    await expectCount(visit.page.getByRole("link", { name: /^New/ }), 0);
    await expectCount(visit.page.locator("tbody").getByRole("checkbox"), 0);
    await expectCount(visit.page.getByRole("link", { name: "Imports" }), 0);
    await visit.page.goto("/admin/products/create");
    await visit.page
      .getByText("This page is not part of your role")
      .first()
      .waitFor();
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  it("staff open a wardrobe only with a reason, and the audit log says so", async () => {
    const visit = await stage.visit({ as: people.staff });
    await visit.page.goto("/admin/wardrobe-access");
    await visit.page
      .getByRole("combobox", { name: "Whose wardrobe" })
      .fill(people.shopper);
    await visit.page
      .getByRole("option", { name: new RegExp(people.shopper) })
      .click();
    const open = visit.page.getByRole("button", { name: "Open the wardrobe" });
    expect(await open.isDisabled()).toBe(true);
    await visit.page
      .getByRole("textbox", { name: "Reason" })
      .fill("Ticket 4711: missing garment");
    await open.click();
    await visit.page.getByRole("heading", { name: /\d+ garments/ }).waitFor();
    await visit.page.goto("/admin/audit_log");
    await visit.page.getByText("Wardrobe opened").first().waitFor();
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  it("the audit log says who did what in words, and opens on a phone", async () => {
    const visit = await stage.visit({ as: people.owner, width: 390 });
    const { page } = visit;
    const sku = `audit-${Date.now()}`;
    await page.goto("/admin/products/create");
    await page.getByRole("textbox", { name: "Name" }).fill("A coat to audit");
    await page.getByRole("textbox", { name: "SKU" }).fill(sku);
    await page.getByRole("combobox", { name: "Category" }).click();
    await page.getByRole("option", { name: "Jackets" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("A coat to audit").first().waitFor();
    await page.goto("/admin/audit_log");
    // Her name, not the kind of actor she is.
    const entry = page
      .getByRole("button", { name: /^Product/ })
      .filter({ hasText: "Camille" })
      .first();
    await entry.click();
    await page.getByText(sku).waitFor();
    expect(
      await page.evaluate(
        () => document.documentElement.scrollWidth - window.innerWidth,
      ),
    ).toBeLessThanOrEqual(0);
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  it("a shopper adds a garment to the own wardrobe and takes it out", async () => {
    const visit = await stage.visit({ as: people.shopper });
    const { page } = visit;
    await page.goto("/admin/wardrobe_items/create");
    await page
      .getByRole("textbox", { name: "Name" })
      .fill("Grandmother's cardigan");
    await page.getByRole("combobox", { name: "Category" }).click();
    await page.getByRole("option", { name: "Tops" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByRole("link", { name: /Grandmother's cardigan/ }).click();
    await page.getByRole("button", { name: "Take out" }).click();
    await page
      .getByRole("dialog")
      .getByRole("button", { name: "Take out" })
      .click();
    await page.getByText("Taken out of your wardrobe").waitFor();
    await page
      .getByRole("link", { name: /Grandmother's cardigan/ })
      .waitFor({ state: "detached" });
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  it("a person with several brands switches between them", async () => {
    const visit = await stage.visit({ as: "agency@closetai.test" });
    const { page } = visit;
    await page.goto("/admin/");
    const switcher = page.getByRole("button", { name: /^Working as/ });
    const before = await switcher.innerText();
    await switcher.click();
    const other = page.locator('[role="menuitem"]:not(.Mui-selected)').first();
    await other.click();
    await page.waitForURL(/\/admin\/?$/);
    await page.waitForFunction(
      (text) =>
        document.querySelector('[aria-label^="Working as"]')?.textContent !==
          text && document.querySelector('[aria-label^="Working as"]') !== null,
      before,
    );
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  it("says when the server is away, keeps the text, and goes on by itself", async () => {
    const visit = await stage.visit({ as: people.owner });
    const { page } = visit;
    await page.goto("/admin/products/create");
    await page.getByRole("textbox", { name: "Name" }).fill("Half a coat");
    await visit.context.route(/\/(graphql|readyz)$/, (route) =>
      route.fulfill({
        status: 503,
        contentType: "application/json",
        body: JSON.stringify({
          errors: [{ message: "Away", extensions: { code: "DOWN" } }],
        }),
      }),
    );
    await page.getByRole("combobox", { name: "Colour" }).click();
    await page.getByText("The server is not answering right now").waitFor();
    await visit.context.unroute(/\/(graphql|readyz)$/);
    await page
      .getByText("The server is not answering right now")
      .waitFor({ state: "detached" });
    await expectValue(
      page.getByRole("textbox", { name: "Name" }),
      "Half a coat",
    );
    await visit.close();
  });

  it("works by keyboard: skip link, menu, dialog that returns the focus", async () => {
    const visit = await stage.visit({ as: people.owner });
    const { page } = visit;
    await page.goto("/admin/members");
    await settled(page);
    await page.keyboard.press("Tab");
    await expectText(page.locator(":focus"), /skip/i);
    await page.keyboard.press("Enter");
    await page.locator("#main-content:focus").waitFor();
    const invite = page.getByRole("button", { name: "Invite a person" });
    await invite.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page
      .locator("button:focus", { hasText: "Invite a person" })
      .waitFor();
    await visit.close();
  });
});
