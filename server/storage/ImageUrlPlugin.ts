import type { PgSelectSingleStep } from "postgraphile/@dataplan/pg";
import { context, lambda } from "postgraphile/grafast";
import { extendSchema, gql } from "postgraphile/utils";

import type { FileUrls } from "./signUrls.ts";

/** A drawing of the category, for what has no photograph. */
export function illustrationUrl(
  category: string,
  color: string | null,
): string {
  const query =
    color === null || color === ""
      ? ""
      : `?${new URLSearchParams({ color }).toString()}`;
  return `/illustrations/${encodeURIComponent(category)}.svg${query}`;
}

/** What a browser shows as a picture; imports and exports are files, too. */
const PICTURE = /^image\//;

/**
 * imageUrl on products and wardrobe items: a signed link to the photograph, or
 * our drawing of the category. Whoever reads the row may see its picture. And
 * url on stored pictures, for every other table that points at one.
 */
export function makeImageUrlPlugin(fileUrls: FileUrls): GraphileConfig.Plugin {
  const plan = ($row: PgSelectSingleStep) =>
    lambda(
      [$row.get("image_key"), $row.get("category_code"), $row.get("color")],
      ([key, category, color]: readonly (string | null)[]) =>
        key
          ? fileUrls.download(key)
          : illustrationUrl(category ?? "", color ?? null),
      true,
    );
  // Who owns the file: staff see that it exists, and never what it shows.
  const filePlan = ($file: PgSelectSingleStep) =>
    lambda(
      [
        $file.get("key"),
        $file.get("owner_brand_id"),
        $file.get("owner_user_id"),
        $file.get("content_type"),
        context().get("pgSettings"),
      ] as const,
      ([key, brand, user, type, settings]) => {
        const is = (owner: unknown, setting: string) =>
          typeof owner === "string" && owner === settings?.[setting];
        const mine = is(brand, "app.brand_id") || is(user, "app.user_id");
        return mine && PICTURE.test(String(type))
          ? fileUrls.download(String(key))
          : null;
      },
    );
  const plugin = extendSchema(
    {
      typeDefs: gql`
        extend type Product {
          "Where the picture is: a link that works for an hour or more, or a drawing of the category."
          imageUrl: String!
        }

        extend type WardrobeItem {
          "Where the picture is: a link that works for an hour or more, or a drawing of the category."
          imageUrl: String!
        }

        extend type StorageObject {
          "A link to the picture that works for an hour or more; null for other files, and for whoever does not own it."
          url: String
        }
      `,
      objects: {
        StorageObject: { plans: { url: filePlan } },
        Product: { plans: { imageUrl: plan } },
        WardrobeItem: { plans: { imageUrl: plan } },
      },
    },
    "ImageUrlPlugin",
  );
  plugin.description =
    "Adds imageUrl to products and wardrobe items, and url to stored pictures";
  return plugin;
}
