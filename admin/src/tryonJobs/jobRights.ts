import type { Ledger, TryonJob } from "./types.ts";
import type { JobScope } from "./useJobScope.ts";

export const ACTIONS = ["cancel", "retry", "refund"] as const;
export type JobAction = (typeof ACTIONS)[number];

/**
 * Which actions a role meets on a job in its state. The database decides; this
 * leaves out what it would refuse.
 */
export function actionsOf(
  job: Pick<TryonJob, "status" | "payer" | "cost">,
  ledger: Ledger,
  { eyes }: Pick<JobScope, "eyes">,
  can: (resource: string, action: string) => boolean,
): JobAction[] {
  // A brand stops and repeats what it pays for; the rest is the shopper's.
  const isOurs = eyes !== "brand" || job.payer === "brand";
  const repeats = isOurs && can("tryon_repeats", "create");
  const wasCharged =
    ledger.hold?.status === "captured" &&
    !ledger.entries.some(({ kind }) => kind === "grant");
  return ACTIONS.filter((action) => {
    switch (action) {
      case "cancel":
        return repeats && job.status === "queued";
      case "retry":
        return repeats && (job.status === "failed" || job.status === "expired");
      case "refund":
        return (
          eyes === "staff" &&
          can("tryon_refunds", "create") &&
          job.status === "completed" &&
          wasCharged
        );
    }
  });
}
