import { AxeBuilder } from "@axe-core/playwright";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Page } from "playwright-core";

import {
  eventually,
  expectCount,
  expectText,
  expectValue,
} from "../helpers/browser.ts";
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

/** Of all that is looked at, what is kept. */
const PICTURES = [
  "filter-1280-light",
  "columns-1280-dark",
  "show-1280-light",
  "edit-1280-dark",
  "list-390-light",
  "related-390-dark",
];

const LIST = "/admin/wardrobe_categories";

/** The names of the operations a page sends from an act until it has shown what it leads to. */
async function operationsDuring(
  page: Page,
  act: () => Promise<unknown>,
  shown: () => Promise<unknown>,
): Promise<string[]> {
  const names: string[] = [];
  const listen = (request: { url(): string; postData(): string | null }) => {
    if (!new URL(request.url()).pathname.endsWith("/graphql")) return;
    const body = JSON.parse(request.postData() ?? "{}") as {
      operationName?: string;
    };
    names.push(body.operationName ?? "?");
  };
  page.on("request", listen);
  await act();
  await shown();
  // Whatever else the page may ask for.
  await settled(page);
  page.off("request", listen);
  return names;
}

const expectFilter = (page: Page, filter: object): Promise<void> =>
  eventually(async () => {
    const { searchParams } = new URL(page.url());
    expect(JSON.parse(searchParams.get("filter") ?? "{}")).toEqual(filter);
    return Promise.resolve();
  });

const expectCells = (
  page: Page,
  column: number,
  texts: string[],
): Promise<void> => {
  const cells = page.locator(`tbody tr td:nth-child(${column})`);
  return eventually(async () =>
    expect(await cells.allInnerTexts()).toEqual(texts),
  );
};

describe("a table nobody wrote pages for", () => {
  let stage: Stage;
  let staff: Visit;

  beforeAll(async () => {
    stage = await openStage();
    staff = await stage.visit({ as: people.staff });
  });
  afterAll(async () => {
    await staff?.close();
    await stage?.close();
  });

  it("is in the menu and lists its rows with one request a page", async () => {
    const { page } = staff;
    await page.goto("/admin/");
    await settled(page);
    const opened = await operationsDuring(
      page,
      () => page.getByRole("link", { name: "Garment categories" }).click(),
      () => expectCount(page.getByRole("row"), 13),
    );
    expect(opened).toHaveLength(1);
    expect(opened[0]).toMatch(/^wardrobe_categories_getList/);

    // A page of a long list, with names of other tables in its rows.
    const mappings = await operationsDuring(
      page,
      () => page.getByRole("link", { name: "Source labels" }).click(),
      () => page.getByText(/^1-25 of/).waitFor(),
    );
    expect(mappings).toHaveLength(1);
    const second = await operationsDuring(
      page,
      () => page.getByRole("button", { name: "Go to page 2" }).click(),
      () => page.getByText(/^26-50 of/).waitFor(),
    );
    expect(second).toHaveLength(1);
    await picture(page, "generated-list");
  });

  it("can be filtered, and the address keeps the filter", async () => {
    const { page } = staff;
    await page.goto(LIST);
    await settled(page);
    await page.getByRole("button", { name: "Add filter" }).click();
    await page.getByRole("menuitem", { name: "Sort" }).click();
    const editor = page.getByRole("dialog", { name: "Sort" });
    await editor.getByRole("combobox").click();
    await page.getByRole("option", { name: "at most" }).click();
    await editor.getByRole("spinbutton").fill("30");
    await editor.getByRole("button", { name: "Apply" }).click();
    await expectFilter(page, { "sort@lte": 30 });
    await expectCells(page, 2, ["Tops", "Bottoms", "Dresses"]);

    await page.getByRole("searchbox", { name: "Search" }).fill("dress");
    await expectCells(page, 2, ["Dresses"]);
    await expectFilter(page, { "sort@lte": 30, q: "dress" });
    await page.reload();
    await settled(page);
    await expectCells(page, 2, ["Dresses"]);
  });

  it.each([
    ["a filter of a column that is gone", '?filter={"gone@eq":1}', /"gone"/],
    ["an order of a column that is gone", "?sort=gone", /"gone"/],
    ["a number that is none", '?filter={"sort@eq":"x"}', /^Sort: .*number/m],
  ])("says why a link does not open: %s", async (_what, search, reason) => {
    const { page } = staff;
    await page.goto(`${LIST}${encodeURI(search)}`);
    const title = page.getByRole("heading", {
      name: "These rows could not be read",
    });
    await title.waitFor();
    await expectText(page.locator("main"), reason);
    await expectCount(page.getByText(/^1-\d+ of/), 0);
    await settled(page);
    await page.getByRole("button", { name: "Clear filters and order" }).click();
    await page.getByText(/^1-12 of 12/).waitFor();
  });

  it("keeps a view, and its link opens the list the same", async () => {
    const { page } = staff;
    await page.goto(
      `${LIST}?filter=${encodeURIComponent('{"sort@gte":90}')}&sort=label&order=DESC&page=1&perPage=25`,
    );
    await settled(page);
    await page.getByRole("button", { name: "Views" }).click();
    await page.getByRole("menuitem", { name: /Save as a new view/ }).click();
    await page.getByLabel("Name of the view").fill("The last ones");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "The last ones" }).waitFor();
    const { rows } = await stage.db.root.query<{ id: string; view: unknown }>(
      "select id, view from app_public.saved_views where name = 'The last ones'",
    );
    expect(rows[0]?.view).toMatchObject({
      filter: { "sort@gte": 90 },
      sort: { field: "label", order: "DESC" },
    });

    const other = await stage.visit({ as: people.staff });
    await other.page.goto(`${LIST}?view=${rows[0]?.id}`);
    await expectCells(other.page, 2, ["Sneakers", "Jewelry", "Heels", "Boots"]);
    await expectFilter(other.page, { "sort@gte": 90 });
    await other.close();
  });

  it("opens with the view a manager made the default of a role", async () => {
    const owner = await stage.visit({ as: people.owner });
    await owner.page.goto(
      `/admin/products?filter=${encodeURIComponent('{"categoryCode":"hats"}')}&sort=name&order=ASC&page=1&perPage=25`,
    );
    await settled(owner.page);
    const menu = (name: string | RegExp) =>
      owner.page.getByRole("button", { name }).click();
    await menu("Views");
    await owner.page.getByRole("menuitem", { name: /Save as a new/ }).click();
    await owner.page.getByLabel("Name of the view").fill("Hats first");
    await owner.page.keyboard.press("Enter");
    await owner.page.getByRole("button", { name: "Hats first" }).waitFor();
    await menu("Hats first");
    await owner.page
      .getByRole("menuitemcheckbox", { name: "Shared with the brand" })
      .click();
    await owner.page.getByRole("menuitemradio", { name: /Analyst/ }).click();
    await owner.page
      .getByRole("menuitem", { name: /Opens for: Analyst/ })
      .waitFor();

    const analyst = await stage.visit({ as: people.analyst });
    await analyst.page.goto("/admin/products");
    await expectFilter(analyst.page, { categoryCode: "hats" });
    await analyst.page.getByRole("button", { name: "Hats first" }).waitFor();
    // Another brand sees nothing of it.
    const stranger = await stage.visit({ as: people.otherOwner });
    await stranger.page.goto("/admin/products");
    await settled(stranger.page);
    await stranger.page.getByRole("button", { name: "Views" }).click();
    await stranger.page
      .getByRole("menuitem", { name: /Save as a new/ })
      .waitFor();
    await settled(stranger.page);
    await expectCount(stranger.page.getByText("Hats first"), 0);
    for (const one of [owner, analyst, stranger]) {
      expect(one.complaints).toEqual([]);
      await one.close();
    }
  });

  it("makes, shows, changes and reverts a record", async () => {
    const { page } = staff;
    await page.goto(`${LIST}/create`);
    await settled(page);
    await page.getByLabel("Code").fill("gloves");
    await page.getByLabel("Label").fill("Gloves");
    await page.getByLabel("Group").click();
    await page.getByRole("option", { name: "Accessories" }).click();
    await page.getByLabel("Tracking").click();
    await page.getByRole("option", { name: "Hand" }).click();
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL(/\/gloves\/show$/);
    await expectText(page.locator("main dl").first(), /Accessories[\s\S]*Hand/);

    await page.getByRole("link", { name: "Edit", exact: true }).click();
    await page.getByLabel("Label").fill("Gloves and mittens");
    await page.getByRole("button", { name: "Save" }).click();
    await page.waitForURL(/\/gloves\/show$/);
    await page.getByRole("tab", { name: "History" }).click();
    await settled(page);
    await picture(page, "generated-history");
    await page.getByRole("button", { name: "Revert Label" }).click();
    await page.getByText("The former value is back").waitFor();
    const { rows } = await stage.db.root.query(
      "select label, active from app_public.wardrobe_categories where code = 'gloves'",
    );
    expect(rows).toEqual([{ label: "Gloves", active: true }]);
  });

  it("shows both versions when somebody else saved first, and saves what is chosen", async () => {
    const { page } = staff;
    await page.goto(`${LIST}/belts`);
    // The form holds the record before somebody else changes it.
    await page.getByLabel("Label").waitFor();
    await settled(page);
    await stage.db.root.query(
      "update app_public.wardrobe_categories set label = 'Belts, theirs', sort = 85 where code = 'belts'",
    );
    await page.getByLabel("Label").fill("Belts, mine");
    await page.getByRole("button", { name: "Save" }).click();
    const dialog = page.getByRole("dialog", {
      name: "Somebody else saved this first",
    });
    await dialog.getByRole("group", { name: /Label/ }).waitFor();
    await expectCount(dialog.getByRole("group"), 2);
    await picture(page, "generated-conflict");
    // Going back loses nothing; saving again asks again.
    await dialog.getByRole("button", { name: "Back to my text" }).click();
    await expectValue(page.getByLabel("Label"), "Belts, mine");
    await page.getByRole("button", { name: "Save" }).click();
    await dialog.getByRole("group", { name: /Label/ }).waitFor();
    await dialog
      .getByRole("group", { name: /Label/ })
      .getByRole("radio", { name: /Yours/ })
      .check();
    await dialog
      .getByRole("button", { name: "Save the chosen values" })
      .click();
    await page.waitForURL(/\/belts\/show$/);
    const { rows } = await stage.db.root.query(
      "select label, sort from app_public.wardrobe_categories where code = 'belts'",
    );
    expect(rows).toEqual([{ label: "Belts, mine", sort: 85 }]);
  });

  it("is edited many rows at once", async () => {
    const { page } = staff;
    await page.goto(
      `${LIST}?filter=${encodeURIComponent('{"sort@gte":110}')}&sort=sort&order=ASC&page=1&perPage=25`,
    );
    await settled(page);
    const boxes = page.locator("tbody").getByRole("checkbox");
    await boxes.nth(0).check();
    await boxes.nth(1).check();
    await page.getByRole("button", { name: "Edit", exact: true }).click();
    const dialog = page.getByRole("dialog", { name: "Edit 2 rows" });
    await dialog.getByRole("checkbox", { name: "Tracking" }).check();
    await dialog.getByRole("combobox", { name: /Tracking/ }).click();
    await page.getByRole("option", { name: "Face" }).click();
    await dialog.getByRole("button", { name: "Change 2 rows" }).click();
    await page.getByText("2 rows changed").waitFor();
    const { rows } = await stage.db.root.query<{ tracking: string }>(
      "select tracking::text from app_public.wardrobe_categories where code in ('boots', 'jewelry')",
    );
    expect(rows.map(({ tracking }) => tracking)).toEqual(["face", "face"]);
  });

  it("is exported whole, as it is filtered", async () => {
    const { page } = staff;
    await page.goto(
      `${LIST}?filter=${encodeURIComponent('{"sort@gte":10,"sort@lte":20}')}&sort=sort&order=ASC&page=1&perPage=25`,
    );
    await settled(page);
    await page.getByRole("button", { name: "Export" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("menuitem", { name: /CSV/ }).first().click(),
    ]);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) {
      chunks.push(chunk as Buffer);
    }
    const lines = Buffer.concat(chunks).toString("utf8").trim().split(/\r?\n/);
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^Tops,tops/);
  });

  it("gives a list somebody wrote the same: words in use, and all rows as a file", async () => {
    const owner = await stage.visit({ as: people.owner });
    const { page } = owner;
    await page.goto("/admin/products?filter=%7B%7D");
    await page.getByText(/^1-25 of/).waitFor();
    await page.getByRole("button", { name: "Add filter" }).click();
    await page.getByRole("menuitem", { name: "Colour", exact: true }).click();
    const editor = page.getByRole("dialog", { name: "Colour" });
    await editor.getByRole("combobox", { name: "Colour" }).click();
    await page.getByRole("option", { name: /^Burgundy/ }).click();
    await editor.getByRole("button", { name: "Apply" }).click();
    await expectFilter(page, { "color@in": ["Burgundy"] });
    const { rows } = await stage.db.root.query<{ count: number }>(
      `select count(*)::int as count from app_public.products p
         join app_public.brand_accounts b on b.id = p.brand_id
        where b.slug = 'maison-lumiere' and p.color = 'Burgundy'`,
    );
    await expectText(
      page.getByText(/^1-25 of/),
      `1-25 of ${rows[0]?.count ?? 0}`,
    );
    await page.getByRole("button", { name: "Export" }).click();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("menuitem", { name: /CSV/ }).first().click(),
    ]);
    const chunks: Buffer[] = [];
    for await (const chunk of await download.createReadStream()) {
      chunks.push(chunk as Buffer);
    }
    const [head, ...lines] = Buffer.concat(chunks)
      .toString("utf8")
      .trim()
      .split("\r\n");
    expect(head).toMatch(/^name,sku,/);
    expect(lines).toHaveLength(rows[0]?.count ?? -1);
    expect(owner.complaints).toEqual([]);
    await owner.close();
  });

  it("offers a role only what it may do", async () => {
    const owner = await stage.visit({ as: people.owner });
    const { page } = owner;
    await page.goto(LIST);
    await page.getByRole("row", { name: /Tops/ }).waitFor();
    await settled(page);
    await expectCount(page.getByRole("link", { name: /New garment/ }), 0);
    await expectCount(page.locator("tbody").getByRole("checkbox"), 0);
    await page.goto(`${LIST}/tops/show`);
    await page.locator("main dl").first().waitFor();
    await settled(page);
    await expectCount(page.getByRole("link", { name: "Edit", exact: true }), 0);
    expect(owner.complaints).toEqual([]);
    await owner.close();
  });

  it("is found from the keyboard, with pages and actions", async () => {
    const { page } = staff;
    await page.goto("/admin/");
    await settled(page);
    await page.keyboard.press("Control+k");
    const search = page.getByRole("combobox", { name: "Search" });
    await search.fill("jewel");
    const hit = page
      .getByRole("group", { name: "Garment categories" })
      .getByRole("option", { name: /Jewelry/ });
    await hit.waitFor();
    await settled(page);
    await picture(page, "search");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowUp");
    await page.keyboard.press("Escape");
    await search.waitFor({ state: "detached" });

    await page.keyboard.press("Control+k");
    await search.fill("currencies");
    await page.getByRole("option", { name: "Currencies" }).waitFor();
    await settled(page);
    await page.getByRole("option", { name: "Currencies" }).click();
    await page.waitForURL(/\/currencies/);

    // By full text where a function searches the table: another form of a word.
    await page.keyboard.press("Control+k");
    await search.fill("dressing silks");
    await page
      .getByRole("group", { name: "Products" })
      .getByRole("option", { name: /Silk/ })
      .first()
      .waitFor();
    await page.keyboard.press("Escape");
  });

  it("says no error aloud on all these ways", () => {
    expect(staff.complaints).toEqual([]);
  });

  it.each([
    [1280, "light"],
    [1280, "dark"],
    [390, "light"],
    [390, "dark"],
  ] as const)(
    "has no serious finding at %i px in the %s theme",
    async (width, scheme) => {
      const visit = await stage.visit({ as: people.staff, width, scheme });
      const { page } = visit;
      const found: string[] = [];
      const look = async (name: string) => {
        await settled(page);
        const { violations } = await new AxeBuilder({ page })
          .setLegacyMode(true)
          .options({ resultTypes: ["violations"] })
          .analyze();
        found.push(
          ...violations
            .filter(
              ({ impact }) => impact === "critical" || impact === "serious",
            )
            .flatMap(({ id, nodes }) =>
              nodes.map((node) => `${name} ${id}: ${node.target.join(" ")}`),
            ),
        );
        const tooWide = await page.evaluate(
          () => document.documentElement.scrollWidth - window.innerWidth,
        );
        if (tooWide > 1) found.push(`${name}: ${tooWide} px too wide`);
        if (PICTURES.includes(`${name}-${width}-${scheme}`)) {
          await picture(page, `generated-${name}-${width}-${scheme}`);
        }
      };
      await page.goto(
        `${LIST}?filter=${encodeURIComponent('{"sort@gte":20,"active@eq":true}')}&sort=sort&order=ASC&page=1&perPage=25`,
      );
      await page.getByText(/^1-\d+ of/).waitFor();
      await look("list");
      await page.getByRole("button", { name: "Add filter" }).click();
      await page.getByRole("menuitem", { name: "Label", exact: true }).click();
      await page.getByRole("dialog", { name: "Label" }).waitFor();
      await look("filter");
      await page.keyboard.press("Escape");
      await page.getByRole("button", { name: "Columns" }).click();
      await look("columns");
      await page.keyboard.press("Escape");
      await page.goto(`${LIST}/tops/show`);
      await page.locator("main dl").first().waitFor();
      await look("show");
      await page.getByRole("tab", { name: /Products/ }).click();
      await page.getByText(/^1-\d+ of/).waitFor();
      await look("related");
      await page.goto(`${LIST}/tops`);
      await page.getByLabel("Label").waitFor();
      await look("edit");
      await page.goto(`${LIST}/create`);
      await page.getByLabel("Label").waitFor();
      await look("create");
      await page.keyboard.press("Control+k");
      await page.getByRole("combobox", { name: "Search" }).fill("to");
      await page.getByRole("option").first().waitFor();
      await look("search");
      expect(found).toEqual([]);
      expect(visit.complaints).toEqual([]);
      await visit.close();
    },
  );
});
