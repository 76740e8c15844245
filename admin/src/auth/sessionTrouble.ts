import { useSyncExternalStore } from "react";

import { actingSession } from "../session.ts";

/**
 * What is in the way of a page that was opened before: the session ended, or
 * another tab signed in as somebody else or chose another brand. The page stays
 * as it is, with what was typed, until the person says how to go on.
 */
export type SessionTrouble = "none" | "ended" | "other";

let trouble: SessionTrouble = "none";
const listeners = new Set<() => void>();

export const setTrouble = (next: SessionTrouble): void => {
  if (next === trouble) return;
  trouble = next;
  for (const listener of listeners) listener();
};

type Refusal = { status?: unknown; body?: { code?: unknown } | null };

/** Whether a refusal says that this tab no longer acts for whom it was opened. */
export function noteRefusal(error: unknown): boolean {
  if (typeof error !== "object" || error === null) return false;
  if (actingSession()?.user == null) return false;
  const { status, body } = error as Refusal;
  if (body?.code === "OTHER") setTrouble("other");
  else if (status === 401) setTrouble("ended");
  else return false;
  return true;
}

export const useSessionTrouble = (): SessionTrouble =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => trouble,
  );
