import type { ResourceProps } from "react-admin";

type Pages = Omit<ResourceProps, "name">;

/**
 * Every folder with an index.ts is the pages of the resource it is called
 * after, in place of the generated ones. `npm run eject <resource>` makes one.
 */
const folders = import.meta.glob<Pages>("./*/index.ts", {
  eager: true,
  import: "default",
});

/** Folders that are called otherwise than their resource. */
const resourceOf: Readonly<Record<string, string>> = {
  audit: "audit_log",
  brandTryonJobs: "brand_tryon_jobs",
  mappings: "category_mappings",
  mrrMovements: "mrr_movements",
  stripeCustomers: "stripe_customers",
  stripeEvents: "stripe_events",
  subscriptions: "stripe_subscriptions",
  tryonJobs: "tryon_jobs",
  wardrobe: "wardrobe_items",
};

export const pages: ReadonlyMap<string, Pages> = new Map(
  Object.entries(folders).map(([path, own]) => {
    const folder = path.split("/")[1] ?? "";
    return [resourceOf[folder] ?? folder, own] as const;
  }),
);

export const hasPages = (resource: string): boolean => pages.has(resource);
