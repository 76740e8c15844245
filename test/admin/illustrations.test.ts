import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import {
  illustrationColours,
  tintIllustration,
} from "../../illustrations/tint.ts";

const root = join(import.meta.dirname, "../..");
const migration = readFileSync(
  join(root, "migrations/committed/000001-foundation.sql"),
  "utf8",
);
const committed = /insert into app_public\.wardrobe_categories[^;]*;/;
const categories = [
  ...(committed.exec(migration)?.[0] ?? "").matchAll(/\('([a-z]+)',/g),
].map(([, code]) => code ?? "");

describe("garment illustrations", () => {
  it("exist for each of the twelve categories, whole and self-contained", () => {
    expect(categories).toHaveLength(12);
    for (const code of categories) {
      const svg = readFileSync(
        join(root, "illustrations", `${code}.svg`),
        "utf8",
      );
      expect(svg).toMatch(/^<svg [^>]*viewBox="0 0 512 512"/);
      expect(svg).toContain("{{tint}}");
      // Nothing that could run or fetch, even if opened as a page.
      expect(svg).not.toMatch(/<script|<foreignObject|href=|style=|\son\w+=/i);
      expect(tintIllustration(svg, "Navy Blue")).not.toMatch(/\{\{/);
    }
  });

  it("are tinted by colour names however they are written", () => {
    expect(illustrationColours("Navy Blue")).toEqual(
      illustrationColours("navyblue"),
    );
    expect(illustrationColours("NAVY-BLUE")).toEqual(
      illustrationColours("navy blue"),
    );
  });

  it("never carry the name itself into the picture", () => {
    const evil = '"/><script>alert(1)</script>';
    expect(tintIllustration("{{tint}}{{shade}}{{light}}", evil)).toMatch(
      /^(#[0-9a-f]{6}){3}$/,
    );
    expect(illustrationColours("constructor")).toEqual(
      illustrationColours(null),
    );
  });
});
