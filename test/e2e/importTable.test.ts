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
});
