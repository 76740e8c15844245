import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import type { Page } from "playwright-core";

import { findings } from "./findings.ts";
import { openStage, people, picture, settled, type Stage } from "./stage.ts";

// Real browsers on a busy machine take their time.
jest.setTimeout(900_000);

type Case = {
  name: string;
  path: string;
  prepare?: (page: Page) => Promise<void>;
};

const themes = ["light", "dark"] as const;
const widths = [1280, 390] as const;

describe("accessibility", () => {
  let stage: Stage;
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    stage = await openStage();
    const { rows } = await stage.db.root.query<Record<string, string>>(
      `select b.id as brand, p.id as product, u.id as person, w.id as item, s.user_id as staff
       from app_public.brand_accounts b
       join lateral (select id from app_public.products where brand_id = b.id and price_minor is not null limit 1) p on true
       join app_public.users u on u.email = $1
       join lateral (select id from app_public.wardrobe_items where user_id = u.id and deleted_at is null limit 1) w on true
       join lateral (select user_id from app_public.staff_members where role = 'finance' limit 1) s on true
       where b.slug = 'maison-lumiere'`,
      [people.shopper],
    );
    Object.assign(ids, rows[0]);
  });
  afterAll(() => stage?.close());

  /** Each page in both themes at both widths, without one serious finding. */
  async function check(as: string | undefined, cases: Case[]): Promise<void> {
    const found: string[] = [];
    for (const width of widths) {
      const visit = await stage.visit({
        ...(as === undefined ? {} : { as }),
        width,
      });
      const { page } = visit;
      for (const { name, path, prepare } of cases) {
        await page.emulateMedia({
          colorScheme: "light",
          reducedMotion: "reduce",
        });
        await page.goto(
          `/admin${path.replaceAll(/\{(\w+)\}/g, (_all, key: string) => ids[key] ?? "")}`,
        );
        await settled(page);
        await prepare?.(page);
        for (const colorScheme of themes) {
          await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
          await settled(page);
          found.push(
            ...(await findings(page)).map(
              (finding) => `${name} ${width} ${colorScheme} ${finding}`,
            ),
          );
          const overflow = await page.evaluate(
            () => document.documentElement.scrollWidth - window.innerWidth,
          );
          if (overflow > 1)
            found.push(`${name} ${width}: ${overflow} px too wide`);
          if (name === "products" && width === 390 && colorScheme === "light") {
            await picture(page, "list-390");
          }
          if (
            name === "home" &&
            width === 1280 &&
            colorScheme === "dark" &&
            as === people.owner
          ) {
            await picture(page, "home-dark");
          }
        }
      }
      found.push(
        ...visit.complaints.map((text) => `${width} console: ${text}`),
      );
      await visit.close();
    }
    expect(found).toEqual([]);
  }

  it("holds on the pages before signing in", async () => {
    await check(undefined, [
      { name: "sign in", path: "/login" },
      { name: "forgot", path: "/forgot-password" },
      { name: "reset", path: "/reset#token=abc" },
      { name: "invitation without a token", path: "/accept-invite" },
    ]);
  });

  it("holds on the pages of a brand owner", async () => {
    await check(people.owner, [
      { name: "home", path: "/" },
      { name: "products", path: "/products" },
      {
        name: "gallery",
        path: "/products?displayedFilters=%7B%7D",
        prepare: async (page) => {
          const gallery = page.getByRole("button", { name: "Gallery" });
          await gallery.click();
          await page.getByRole("table").waitFor({ state: "detached" });
        },
      },
      { name: "product", path: "/products/{product}/show" },
      { name: "edit product", path: "/products/{product}" },
      { name: "new product", path: "/products/create" },
      { name: "imports", path: "/imports" },
      { name: "new import", path: "/imports/create" },
      { name: "mappings", path: "/category_mappings" },
      { name: "new mapping", path: "/category_mappings/create" },
      { name: "members", path: "/members" },
      {
        name: "invite",
        path: "/members",
        prepare: async (page) => {
          await page.getByRole("button", { name: "Invite a person" }).click();
          await page.getByRole("dialog").waitFor();
        },
      },
      { name: "invitations", path: "/invitations" },
      { name: "brand", path: "/brands/{brand}/show" },
      { name: "brand settings", path: "/brands/{brand}" },
      { name: "audit log", path: "/audit_log" },
      { name: "profile", path: "/profile" },
      { name: "not found", path: "/nowhere" },
      { name: "not allowed", path: "/users" },
    ]);
  });

  it("holds on the pages of an import", async () => {
    const visit = await stage.visit({ as: people.owner });
    await visit.page.goto("/admin/imports/create");
    await visit.page.locator("input[type=file]").setInputFiles({
      name: "small.csv",
      mimeType: "text/csv",
      buffer: Buffer.from(
        "id,name,articleType\nA1,Linen shirt,Shirts\nA2,Beach sandal,Sandals\n",
      ),
    });
    await visit.page.getByRole("button", { name: "Dry run" }).waitFor();
    const path = new URL(visit.page.url()).pathname.replace("/admin", "");
    await check(people.owner, [{ name: "mapping", path }]);
    await visit.page
      .getByRole("button", { name: "Import", exact: true })
      .click();
    await visit.page
      .getByRole("heading", { name: "Result", exact: true })
      .waitFor();
    await visit.close();
    await check(people.owner, [{ name: "result", path }]);
  });

  it("holds on the pages of staff", async () => {
    await check(people.staff, [
      { name: "home", path: "/" },
      { name: "products", path: "/products" },
      { name: "imports", path: "/imports" },
      { name: "brands", path: "/brands" },
      { name: "new brand", path: "/brands/create" },
      { name: "brand", path: "/brands/{brand}/show" },
      { name: "edit brand", path: "/brands/{brand}" },
      { name: "people", path: "/users" },
      { name: "person", path: "/users/{person}/show" },
      { name: "wardrobe access", path: "/wardrobe-access" },
      { name: "staff", path: "/staff" },
      { name: "new staff", path: "/staff/create" },
      { name: "edit staff", path: "/staff/{staff}" },
      { name: "audit log", path: "/audit_log" },
    ]);
  });

  it("holds on the pages of a shopper", async () => {
    await check(people.shopper, [
      { name: "home", path: "/" },
      { name: "wardrobe", path: "/wardrobe_items" },
      { name: "garment", path: "/wardrobe_items/{item}/show" },
      { name: "edit garment", path: "/wardrobe_items/{item}" },
      { name: "new garment", path: "/wardrobe_items/create" },
      { name: "products", path: "/products" },
      { name: "product", path: "/products/{product}/show" },
      { name: "profile", path: "/profile" },
    ]);
  });
});
