import type { RaRecord } from "react-admin";

import type { Tone } from "../components/StatusChip.tsx";

export const STATUSES = [
  "queued",
  "processing",
  "completed",
  "failed",
  "cancelled",
  "expired",
] as const;

export type TryonStatus = (typeof STATUSES)[number];
export type TryonPayer = "user" | "brand" | "pro";

export const toneOfStatus: Readonly<Record<TryonStatus, Tone>> = {
  queued: "info",
  processing: "warning",
  completed: "success",
  failed: "error",
  cancelled: "quiet",
  expired: "error",
};

/** What a list shows of a job. */
export type TryonJob = RaRecord<string> & {
  brandId: string | null;
  payer: TryonPayer;
  status: TryonStatus;
  categoryCode: string;
  cost: number;
  attempt: number;
  maxAttempts: number;
  errorCode: string | null;
  retryOf: string | null;
  queuedAt: string;
  startedAt: string | null;
  finishedAt: string | null;
  /** For a brand: what stands for the shopper. */
  shopper?: string | null;
  /** For staff. */
  userId?: string | null;
  user?: { displayName: string | null; email: string | null } | null;
  brand?: { name: string } | null;
};

export type TriedOn = {
  id: string | null;
  kind: "product" | "item";
  name: string;
  categoryCode: string | null;
  color: string | null;
  imageUrl: string | null;
};

export type TryonAttempt = {
  attempt: number;
  outcome: "completed" | "failed" | "retried" | "lost";
  errorCode: string | null;
  processingMs: number | null;
  startedAt: string;
  finishedAt: string;
  /** Staff only. */
  worker?: string;
};

/** What its page shows of a job. */
export type TryonPage = TryonJob & {
  confidence: number | null;
  processingMs: number | null;
  deviceFamily: string | null;
  appVersion: string | null;
  runAfter?: string;
  deadlineAt?: string;
  lockedBy?: string | null;
  lockedUntil?: string | null;
  result: { url: string | null; status: string } | null;
  selfie?: { url: string | null; status: string } | null;
  garments: TriedOn[];
  attempts: TryonAttempt[];
  feedback?: { accurate: boolean; rating: number | null } | null;
};

export type LedgerEntry = {
  id: string;
  kind: "grant" | "hold" | "capture" | "release" | "expire" | "adjust";
  amount: number;
  reason: string | null;
  createdAt: string;
};

export type Ledger = {
  hold: { amount: number; status: string } | null;
  entries: LedgerEntry[];
};

export const NO_LEDGER: Ledger = { hold: null, entries: [] };

export const isOver = (status: TryonStatus): boolean =>
  status !== "queued" && status !== "processing";

/** The first eight signs tell two shoppers of a brand apart. */
export const shortHandle = (handle: string): string => handle.slice(-8);
