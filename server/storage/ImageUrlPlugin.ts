import type { PgSelectSingleStep } from "postgraphile/@dataplan/pg";
import { lambda } from "postgraphile/grafast";
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

/**
 * imageUrl on products and wardrobe items: a signed link to the photograph, or
 * our drawing of the category. Whoever reads the row may see its picture.
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
      `,
      objects: {
        Product: { plans: { imageUrl: plan } },
        WardrobeItem: { plans: { imageUrl: plan } },
      },
    },
    "ImageUrlPlugin",
  );
  plugin.description = "Adds imageUrl to products and wardrobe items";
  return plugin;
}
