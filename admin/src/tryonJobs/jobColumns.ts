import type { JobScope } from "./useJobScope.ts";

const SHARED = [
  "brandId",
  "payer",
  "status",
  "categoryCode",
  "cost",
  "attempt",
  "maxAttempts",
  "errorCode",
  "retryOf",
  "queuedAt",
  "startedAt",
  "finishedAt",
];

/** What a list of try-ons reads: whose they are is for staff, and a handle for brands. */
export const jobColumns: Readonly<Record<JobScope["eyes"], readonly string[]>> =
  {
    brand: [...SHARED, "shopper"],
    shopper: SHARED,
    staff: [...SHARED, "brand.name", "user.displayName", "user.email"],
  };
