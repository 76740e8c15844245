import type { RaRecord } from "react-admin";

import type { Tone } from "../components/StatusChip.tsx";

export type BrandRecord = RaRecord<string> & {
  slug: string;
  name: string;
  status: "ONBOARDING" | "ACTIVE" | "SUSPENDED" | "CLOSED";
  timezone: string;
  datasetAccess: boolean;
  customModelTraining: boolean;
  kMin: number;
  createdAt: string;
  updatedAt: string;
};

export const brandStatuses = [
  "ONBOARDING",
  "ACTIVE",
  "SUSPENDED",
  "CLOSED",
] as const;

export const brandTone: Record<BrandRecord["status"], Tone> = {
  ONBOARDING: "info",
  ACTIVE: "success",
  SUSPENDED: "warning",
  CLOSED: "quiet",
};
