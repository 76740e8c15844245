import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";

import { expectText } from "../helpers/browser.ts";
import { openStage, people, type Stage } from "./stage.ts";

// Real browsers on a busy machine take their time.
jest.setTimeout(600_000);

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => {
  await stage?.close();
});

describe("an import into another table than products, in the browser", () => {
  it("is chosen, mapped by the table's own words, run, and refused row by row", async () => {
    const { page, complaints, close } = await stage.visit({ as: people.owner });
    await page.goto("/admin/imports/create");
    await page.getByRole("combobox", { name: "What the file holds" }).click();
    await page
      .getByRole("option", { name: "Category mappings", exact: true })
      .click();
    await page.getByText("Bring your file").waitFor();
    await page.locator("input[type=file]").setInputFiles({
      name: "labels.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(
        "Label,category_code\nQuarzazate shoes,sneakers\nQuarzazate hats,nothing\n",
      ),
    });
    await page
      .getByRole("heading", { name: "Which column is which?" })
      .waitFor();
    await expectText(
      page.getByRole("combobox", { name: "Column for Label", exact: true }),
      "Label",
    );
    await page
      .getByRole("combobox", { name: "A row finds its record by" })
      .click();
    await page.getByRole("option", { name: "Label", exact: true }).click();
    await page.getByRole("button", { name: "Import", exact: true }).click();
    await page.getByRole("heading", { name: "Result", exact: true }).waitFor();
    await page.getByText("There is no such category").waitFor();
    const { rows } = await stage.db.root.query<{ category_code: string }>(
      "select category_code from app_public.category_mappings where label like 'Quarzazate%'",
    );
    expect(rows).toEqual([{ category_code: "sneakers" }]);
    await page.getByRole("link", { name: "See the list" }).click();
    await page.getByText("Quarzazate shoes").waitFor();
    expect(complaints).toEqual([]);
    await close();
  });

  it("fills a shopper's own wardrobe from its list, and another does not see it", async () => {
    const { page, complaints, close } = await stage.visit({
      as: people.shopper,
    });
    await page.goto("/admin/wardrobe_items");
    await page.getByRole("link", { name: "Import a file" }).click();
    await page.getByText("Bring your file").waitFor();
    await page.locator("input[type=file]").setInputFiles({
      name: "closet.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(
        "Name,Category,Color\nQuarzazate coat,jackets,Sand\nQuarzazate hat,nothing,Sand\n",
      ),
    });
    await page
      .getByRole("heading", { name: "Which column is which?" })
      .waitFor();
    await page.getByRole("button", { name: "Dry run", exact: true }).click();
    await page
      .getByRole("heading", { name: "What would happen", exact: true })
      .waitFor();
    await page.getByText("There is no such category").waitFor();
    const inWardrobe = async () => {
      const { rows } = await stage.db.root.query<{ email: string }>(
        "select u.email from app_public.wardrobe_items w join app_public.users u on u.id = w.user_id where w.name like 'Quarzazate%'",
      );
      return rows;
    };
    expect(await inWardrobe()).toEqual([]);
    await page.getByRole("button", { name: "Import now", exact: true }).click();
    await page.getByRole("heading", { name: "Result", exact: true }).waitFor();
    await page.getByRole("link", { name: "See the list" }).click();
    await page.getByText("Quarzazate coat").waitFor();
    expect(await inWardrobe()).toEqual([{ email: people.shopper }]);
    expect(complaints).toEqual([]);
    await close();

    const { rows } = await stage.db.root.query<{ id: string }>(
      "select id from app_public.import_runs where filename = 'closet.csv'",
    );
    const other = await stage.visit({ as: people.owner });
    await other.page.goto(`/admin/imports/${rows[0]?.id}/show`);
    await other.page
      .getByRole("heading", { name: "There is nothing here" })
      .first()
      .waitFor();
    expect(await other.page.getByText("closet.csv").count()).toBe(0);
    await other.close();
  });
});
