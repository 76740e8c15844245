import { useSession } from "../useSession.ts";

/**
 * Through which eyes jobs are seen: a brand sees them without their shoppers, a
 * shopper the own ones, staff all of them.
 */
export type JobScope = {
  eyes: "brand" | "shopper" | "staff";
  /** The resource that lists the jobs. */
  jobs: "tryon_jobs" | "brand_tryon_jobs";
  garments: "tryon_job_garments" | "brand_tryon_garments";
};

export const useJobScope = (): JobScope => {
  const { session } = useSession();
  if (session.brand !== null) {
    return {
      eyes: "brand",
      jobs: "brand_tryon_jobs",
      garments: "brand_tryon_garments",
    };
  }
  return {
    eyes: session.staffRole === null ? "shopper" : "staff",
    jobs: "tryon_jobs",
    garments: "tryon_job_garments",
  };
};
