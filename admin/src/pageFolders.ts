/** Folders of pages that are called otherwise than their resource. */
export const resourceOf: Readonly<Record<string, string>> = {
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
