import { execFileSync } from "node:child_process";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { parse } from "csv-parse/sync";
import type { Browser, Page } from "playwright-core";

import {
  eventually,
  expectCount,
  expectText,
  launchBrowser,
} from "../helpers/browser.ts";
import { type DevProcess, spawnDev } from "../helpers/dev.ts";
import { copyProject, type ProjectCopy } from "../helpers/projectCopy.ts";
import { people, picture, settled, type Visit, visit } from "./stage.ts";

// Real browsers on a busy machine take their time.
jest.setTimeout(900_000);

const CURRENT = "migrations/current.sql";
const POLICIES = "migrations/fixtures/policies/looks.sql";

const sqlFile = (name: string) =>
  readFileSync(join(import.meta.dirname, "looks", `${name}.sql`), "utf8");

let copy: ProjectCopy;
let before: Record<string, string>;
let dev: DevProcess;
let browser: Browser;
let owner: Visit;
let page: Page;

/** As `npm run db:commit` does, where something is not committed yet. */
function commitWhatIsThere(): void {
  if (!/^(?!--[^!])\s*\S/m.test(copy.read(CURRENT))) return;
  for (const parameters of [["migrate"], ["commit", "-m", "so far"]]) {
    execFileSync(
      process.execPath,
      [join(copy.folder, "server", "cli", "db.ts"), ...parameters],
      {
        cwd: copy.folder,
        env: {
          ...process.env,
          NODE_OPTIONS: "",
          CLOSETAI_DATA_DIR: copy.dataDir,
        },
      },
    );
  }
}

beforeAll(async () => {
  copy = copyProject();
  commitWhatIsThere();
  before = copy.fingerprint();
  dev = await spawnDev({
    project: copy.folder,
    env: { CLOSETAI_DATA_DIR: copy.dataDir },
  });
  browser = await launchBrowser();
  owner = await visit(browser, dev.url, { as: people.owner });
  page = owner.page;
  // The first visit waits until Vite has gone through the packages once.
  await page.goto("/admin/", { timeout: 240_000 });
  await page
    .getByRole("heading", { level: 1, name: /^Good / })
    .waitFor({ timeout: 240_000 });
});

afterAll(async () => {
  await browser?.close();
  await dev?.stop();
  await copy?.remove();
});

const menuEntry = (on: Page) =>
  on.getByRole("navigation").getByRole("link", { name: "Looks", exact: true });

/** When the menu gets, or loses, the entry: noticed inside the page. */
const menuChanges = (on: Page, present: boolean): Promise<number> =>
  on.evaluate(
    (wanted) =>
      new Promise<number>((resolve) => {
        const look = () => {
          const links = [...document.querySelectorAll("nav a")];
          const is = links.some(({ textContent }) => textContent === "Looks");
          if (is !== wanted) return;
          observer.disconnect();
          resolve(Date.now());
        };
        const observer = new MutationObserver(look);
        observer.observe(document.body, { childList: true, subtree: true });
      }),
    present,
  );

const LIVE =
  /Live ([\d.]+) s after the save \(.*catalogue ([\d.]+)\).*\n|Not applied[\s\S]*keeps serving\n/;

/** Saves, and tells when the API and the menu followed. Judges no time. */
async function saveAndWatch(act: () => void, present: boolean): Promise<void> {
  const changed = menuChanges(page, present);
  const output = await dev.after(act, LIVE);
  const [, total, catalog] = LIVE.exec(output) ?? [];
  if (total === undefined) throw new Error(output);
  const savedAt = statSync(join(copy.folder, CURRENT)).mtimeMs;
  const sinceSave = (await changed) - savedAt;
  const untilLive = (Number(total) - Number(catalog)) * 1_000;
  process.stdout.write(
    `looks ${present ? "added" : "removed"}: in the menu ${Math.round(sinceSave - untilLive)} ms after the API was live, ${Math.round(sinceSave)} ms after the save\n`,
  );
}

/** A drawing of our own as a photograph. */
async function photograph(): Promise<Buffer> {
  const tab = await owner.context.newPage();
  await tab.setViewportSize({ width: 480, height: 480 });
  await tab.goto("/illustrations/jackets.svg?color=Navy%20Blue");
  const png = await tab.screenshot({ type: "png" });
  await tab.close();
  return png;
}

async function graphql<T>(query: string, variables: object): Promise<T> {
  const answer = await owner.context.request.post("/graphql", {
    data: { query, variables },
    headers: { origin: dev.url },
  });
  const { data, errors } = (await answer.json()) as {
    data: T;
    errors?: unknown;
  };
  expect(errors).toBeUndefined();
  return data;
}

const expectNoReload = (): Promise<void> =>
  eventually(async () =>
    expect(await page.locator("body").getAttribute("data-opened")).toBe("once"),
  );

const REFUSED = "A look is marked down by 1 to 90 percent";

const rowNamed = (name: string) =>
  page.getByRole("row", { name: new RegExp(name) });

describe("a table that is added while the admin is open", () => {
  let product: string;
  let address: string;

  it("is in the menu without a reload, once its SQL is saved", async () => {
    // The catalogue has come, and does not know it.
    await page.getByRole("link", { name: "Garment categories" }).waitFor();
    await expectCount(menuEntry(page), 0);
    await page.evaluate(() => {
      document.body.dataset["opened"] = "once";
    });
    await saveAndWatch(() => {
      copy.write(POLICIES, sqlFile("policies"));
      copy.write(CURRENT, copy.read(CURRENT) + sqlFile("table"));
    }, true);
    await menuEntry(page).click();
    await page
      .getByRole("heading", { name: "Nothing in “Looks” yet" })
      .waitFor();
    await expectNoReload();
  });

  it("an owner adds a row through the generated form", async () => {
    await page.getByRole("link", { name: "New look" }).first().click();
    await page.getByLabel("Name").fill("Harbour at dusk");
    await page.getByRole("combobox", { name: "Season" }).click();
    await page.getByRole("option", { name: "Autumn winter" }).click();
    const reference = page.getByRole("combobox", { name: "Product" });
    await reference.click();
    await page.getByRole("option").first().waitFor();
    const options = page.getByRole("option");
    await options.first().waitFor();
    const [word = ""] = (await options.first().innerText()).split(" ");
    await reference.fill(word);
    await eventually(async () => {
      const texts = await options.allInnerTexts();
      expect(texts).not.toEqual([]);
      expect(texts.filter((text) => !text.includes(word))).toEqual([]);
    });
    await settled(page);
    product = await options.first().innerText();
    await options.first().click();
    await page.getByLabel("Price").fill("1,249.50");
    await page.getByRole("combobox", { name: "Currency" }).click();
    await page.getByRole("option", { name: "EUR" }).click();
    await page.getByRole("combobox", { name: "Tags" }).fill("layers,wool,");
    await page
      .getByRole("textbox", { name: "Details" })
      .fill('{"mood": ["calm", "blue"], "pieces": 3}');
    await page.locator("input[type=file]").setInputFiles({
      name: "cover.png",
      mimeType: "image/png",
      buffer: await photograph(),
    });
    await page.getByText("Replace the picture").waitFor();
    await picture(page, "looks-create");
    await page.getByRole("button", { name: "Save" }).click();

    await page
      .getByRole("heading", { level: 1, name: "Harbour at dusk" })
      .waitFor();
    await page.getByText("€1,249.50").waitFor();
    await page.getByText("Autumn winter", { exact: true }).waitFor();
    await page.getByRole("link", { name: product }).waitFor();
    await page.getByText("wool", { exact: true }).waitFor();
    await page.getByText('"pieces": 3').waitFor();
    address = page.url();
    const cover = page.getByRole("tabpanel").locator("img");
    const width = await cover.evaluate(async (element) => {
      const image = element as HTMLImageElement;
      await image.decode();
      return image.naturalWidth;
    });
    expect(width).toBe(480);
    await picture(page, "looks-show");
  });

  it("its list is filtered by an enum", async () => {
    const { looks } = await graphql<{
      looks: { nodes: { brandId: string }[] };
    }>("{ looks { nodes { brandId } } }", {});
    for (const [name, season, minor] of [
      ["Linen on the terrace", "spring_summer", 38_900],
      ["Rain in March", "spring_summer", 52_000],
      ["Every day", "all_year", null],
    ] as const) {
      await graphql(
        "mutation ($look: LookInput!) { createLook(input: { look: $look }) { look { rowId } } }",
        {
          look: {
            brandId: looks.nodes[0]?.brandId,
            name,
            season,
            priceMinor: minor,
            currency: minor === null ? null : "eur",
            tags: ["linen"],
          },
        },
      );
    }
    await menuEntry(page).click();
    await rowNamed("Rain in March").waitFor();
    await picture(page, "looks-list");
    await page.getByRole("button", { name: "Add filter" }).click();
    await page.getByRole("menuitem", { name: "Season" }).click();
    await page
      .getByRole("dialog", { name: "Season" })
      .getByRole("combobox", { name: "Season" })
      .click();
    await page.getByRole("option", { name: "Autumn winter" }).click();
    await page.getByRole("button", { name: "Apply" }).click();
    await rowNamed("Rain in March").waitFor({ state: "detached" });
    await page
      .getByRole("button", { name: "Season is Autumn winter" })
      .waitFor();
    await expectCount(rowNamed("Harbour at dusk"), 1);
    await expectText(page.getByText(/^1-1 of/), "1-1 of 1");
  });

  it("a row is edited", async () => {
    // The row opens; a link in it, such as the product's, leads elsewhere.
    await rowNamed("Harbour at dusk")
      .getByText("Harbour at dusk", { exact: true })
      .click();
    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await page.getByLabel("Name").fill("Harbour at night");
    await page.getByRole("combobox", { name: "Tags" }).fill("evening,");
    await page.getByRole("button", { name: "Save" }).click();
    await page
      .getByRole("heading", { level: 1, name: "Harbour at night" })
      .waitFor();
    await page.getByText("evening", { exact: true }).waitFor();
  });

  it("a tagged function is a button with a form of its arguments", async () => {
    await page.getByRole("button", { name: "Mark down" }).click();
    const dialog = page.getByRole("dialog", { name: "Mark down" });
    await dialog.getByText("By how much does this look get cheaper?").waitFor();
    const submit = dialog.getByRole("button", { name: "Mark down" });
    const percent = dialog.getByLabel("Percent");
    // What the function refuses stands at the argument that it names.
    await percent.fill("95");
    await submit.click();
    await expectText(
      dialog.locator(".Mui-error.MuiFormHelperText-root"),
      `${REFUSED}. Choose another number.`,
    );
    await percent.fill("20");
    await dialog.getByLabel("Reason").fill("winter sale");
    await submit.click();
    await expectCount(dialog, 0);
    await page.getByText("€999.60").waitFor();
    await page.getByText("winter sale", { exact: true }).waitFor();
  });

  it("its rows are exported as they are filtered", async () => {
    await menuEntry(page).click();
    await rowNamed("Harbour at night").waitFor();
    await page.getByRole("button", { name: "Export" }).click();
    const downloading = page.waitForEvent("download");
    await page.getByRole("menuitem", { name: /CSV.*every column/s }).click();
    const download = await downloading;
    expect(download.suggestedFilename()).toMatch(/^looks.*\.csv$/);
    const rows = parse(readFileSync(await download.path(), "utf8"), {
      bom: true,
      columns: true,
    }) as Record<string, string>[];
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({
      name: "Harbour at night",
      season: "autumn_winter",
    });
  });

  it("the owner of another brand sees the table, and nothing in it", async () => {
    const other = await visit(browser, dev.url, { as: people.otherOwner });
    await other.page.goto("/admin/");
    await menuEntry(other.page).click();
    await other.page
      .getByRole("heading", { name: "Nothing in “Looks” yet" })
      .waitFor();
    await other.page.goto(address);
    await other.page.getByText("This is not here").waitFor();
    await other.close();
  });

  it("is gone from the menu without a reload, once its SQL is undone", async () => {
    await saveAndWatch(() => {
      copy.delete(POLICIES);
      const [kept = ""] = copy.read(CURRENT).split(sqlFile("table"));
      copy.write(CURRENT, kept + sqlFile("undo"));
    }, false);
    await page
      .getByRole("heading", { level: 2, name: "“Looks” is no longer here" })
      .waitFor();
    await settled(page);
    await expectNoReload();
    // React's development build reports a property that a library passes on, and
    // react-admin's what was refused.
    const complaints = owner.complaints.filter(
      (text) =>
        !text.startsWith("React does not recognize the `%s` prop") &&
        !text.startsWith(`HttpError: ${REFUSED}`),
    );
    expect(complaints).toEqual([]);
  });

  it("needed no file outside migrations/", async () => {
    expect(await dev.stop()).toBe(0);
    expect(copy.fingerprint()).toEqual(before);
    expect(Object.keys(before).length).toBeGreaterThan(300);
  });
});
