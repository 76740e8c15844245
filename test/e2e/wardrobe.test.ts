import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Page } from "playwright-core";

import { openStage, people, picture, settled, type Stage } from "./stage.ts";

/** What a shopper sees of garments that look alike. */

let stage: Stage;
/** The garment of the demo's shopper that has the nearest neighbour. */
let garment: { id: string; name: string };
let nearest: string[];

beforeAll(async () => {
  stage = await openStage();
  const { rows } = await stage.db.root.query<{
    id: string;
    name: string;
    nearest: string[];
  }>(
    `select w.id, w.name, array_agg(o.name order by s.distance, s.item_id) as nearest
       from app_public.users u
       join app_public.wardrobe_items w on w.user_id = u.id and w.deleted_at is null
       cross join lateral app_hidden.nearest_items(w.id, null, 6) s
       join app_public.wardrobe_items o on o.id = s.item_id
      where u.email = $1
      group by w.id
      order by min(s.distance), w.id
      limit 1`,
    [people.shopper],
  );
  if (rows[0] === undefined) throw new Error("The shopper has no wardrobe");
  garment = rows[0];
  nearest = rows[0].nearest;
}, 300_000);

afterAll(() => stage.close());

const row = (page: Page) =>
  page.getByRole("region", { name: "Similar pieces" });

async function open(page: Page, id: string): Promise<void> {
  await page.goto(`/admin/wardrobe_items/${id}/show`);
  await row(page).waitFor();
}

describe("similar pieces of a garment", () => {
  it.each([
    ["", 1280, "light"],
    ["-dark", 1280, "dark"],
    ["-phone", 390, "light"],
  ] as const)(
    "stand below it, nearest first, with their likeness%s",
    async (suffix, width, scheme) => {
      const visit = await stage.visit({ as: people.shopper, width, scheme });
      const { page } = visit;
      await open(page, garment.id);
      const links = row(page).getByRole("link");
      await links.nth(nearest.length - 1).waitFor();
      const texts = await links.allTextContents();
      expect(texts).toHaveLength(nearest.length);
      texts.forEach((text, at) => {
        expect(text).toContain(nearest[at]);
        expect(text).toMatch(/\d+% alike$/);
      });
      const percents = texts.map((text) =>
        Number(/(\d+)% alike$/.exec(text)?.[1]),
      );
      expect(percents).toEqual([...percents].sort((a, b) => b - a));
      await row(page).scrollIntoViewIfNeeded();
      await settled(page);
      await picture(page, `garment${suffix}`);
      expect(visit.complaints).toEqual([]);
      await visit.close();
    },
  );

  it("lead to the garment they show", async () => {
    const visit = await stage.visit({ as: people.shopper });
    await open(visit.page, garment.id);
    await row(visit.page).getByRole("link").first().click();
    await visit.page
      .getByRole("heading", { level: 2, name: nearest[0] ?? "", exact: true })
      .waitFor();
    await visit.close();
  });

  it("say why there are none, of a garment that was not looked at", async () => {
    const { rows } = await stage.db.root.query<{ id: string }>(
      `insert into app_public.wardrobe_items (user_id, category_code, name)
       select id, 'hats', 'Straw hat' from app_public.users where email = $1
       returning id`,
      [people.shopper],
    );
    const visit = await stage.visit({ as: people.shopper });
    await open(visit.page, rows[0]?.id ?? "");
    await row(visit.page).getByText("Not looked at yet").waitFor();
    await picture(visit.page, "garment-not-looked-at");
    expect(visit.complaints).toEqual([]);
    await visit.close();
  });

  it("say so where nothing else can be compared", async () => {
    const { rows } = await stage.db.root.query<{ id: string }>(
      `with added as (
         insert into app_public.wardrobe_items (user_id, category_code, name)
         select id, 'hats', 'Felt hat' from app_public.users where email = $1
         returning id, user_id
       )
       insert into app_public.item_embeddings (item_id, user_id, model, embedding)
       select id, user_id, 'another-768', array_fill(1::real, '{768}') from added
       returning item_id as id`,
      [people.shopper],
    );
    const visit = await stage.visit({ as: people.shopper });
    await open(visit.page, rows[0]?.id ?? "");
    await row(visit.page).getByText("Nothing to compare with yet").waitFor();
    await visit.close();
  });
});
