import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";

import { expectText, expectValue } from "../helpers/browser.ts";
import { openStage, people, settled, type Stage } from "./stage.ts";

jest.setTimeout(900_000);

describe("two people at work", () => {
  let stage: Stage;
  let product = "";

  beforeAll(async () => {
    stage = await openStage();
    // The newest: it stands on the first page of the list.
    const { rows } = await stage.db.root.query<{ id: string }>(
      `insert into app_public.products (brand_id, sku, name, category_code)
       select id, 'LIVE-1', 'A coat to rename', 'jackets'
         from app_public.brand_accounts where slug = 'maison-lumiere' returning id`,
    );
    product = rows[0]?.id ?? "";
  });
  afterAll(() => stage?.close());

  it("see each other's changes without a reload, and keep what they type", async () => {
    const colleague = await stage.visit({ as: people.analyst });
    const owner = await stage.visit({ as: people.owner });
    const second = await owner.context.newPage();

    await colleague.page.goto("/admin/products");
    await colleague.page.getByText("A coat to rename").first().waitFor();
    await settled(colleague.page);
    let loads = 0;
    colleague.page.on("framenavigated", () => (loads += 1));

    // The owner's other page is a form with text in it.
    await second.goto(`/admin/products/${product}`);
    const typed = second.getByRole("textbox", { name: /^Name/ });
    await expectValue(typed, "A coat to rename");
    await typed.fill("What somebody is typing");

    await owner.page.goto(`/admin/products/${product}`);
    const name = owner.page.getByRole("textbox", { name: /^Name/ });
    await expectValue(name, "A coat to rename");
    await name.fill("A coat renamed");
    await owner.page.getByRole("button", { name: "Save" }).click();
    await owner.page
      .getByRole("heading", { name: "A coat renamed" })
      .first()
      .waitFor();

    await colleague.page.getByText("A coat renamed").first().waitFor();
    await colleague.page
      .getByText("A coat to rename")
      .first()
      .waitFor({ state: "detached" });
    expect(loads).toBe(0);

    await expectValue(typed, "What somebody is typing");
    await second.getByRole("button", { name: "Save" }).click();
    await expectText(second.getByRole("dialog"), /A coat renamed/);
    expect(colleague.complaints).toEqual([]);
    await colleague.close();
    await owner.close();
  });

  it("see on a record's page what changed behind it", async () => {
    const { page, close } = await stage.visit({ as: people.analyst });
    await page.goto(`/admin/products/${product}/show`);
    await page
      .getByRole("heading", { name: "A coat renamed" })
      .first()
      .waitFor();
    await stage.db.root.query(
      "update app_public.products set name = 'A coat once more' where id = $1",
      [product],
    );
    await page
      .getByRole("heading", { name: "A coat once more" })
      .first()
      .waitFor();
    await close();
  });
});
