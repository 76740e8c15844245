import { listLink } from "../home/CategoryPanel.tsx";

/**
 * Where try-ons are shown: members of a brand read them through a view without
 * the shopper, everybody else in the table itself.
 */
const jobsResource = (actsForBrand: boolean): string =>
  actsForBrand ? "brand_tryon_jobs" : "tryon_jobs";

export const jobLink = (id: string, actsForBrand: boolean): string =>
  `/${jobsResource(actsForBrand)}/${id}/show`;

export const jobsLink = (
  filter: Record<string, unknown>,
  actsForBrand = false,
): string => listLink(jobsResource(actsForBrand), filter);
