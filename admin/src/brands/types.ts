import type { RaRecord } from "react-admin";

import type { Tone } from "../components/StatusChip.tsx";

export type BrandRecord = RaRecord<string> & {
  slug: string;
  name: string;
  status: "onboarding" | "active" | "suspended" | "closed";
  timezone: string;
  datasetAccess: boolean;
  customModelTraining: boolean;
  kMin: number;
  createdAt: string;
  updatedAt: string;
};

export const brandStatuses = [
  "onboarding",
  "active",
  "suspended",
  "closed",
] as const;

export const brandTone: Record<BrandRecord["status"], Tone> = {
  onboarding: "info",
  active: "success",
  suspended: "warning",
  closed: "quiet",
};
