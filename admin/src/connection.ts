import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";
import { useSyncExternalStore } from "react";

import { noteRefusal } from "./auth/sessionTrouble.ts";

/**
 * Whether the server answers. Any query or mutation that meets silence or a 503
 * reports it; while it lasts the health address is asked every few seconds, and
 * when it answers everything on the page is read again.
 */
export type Connection = "up" | "offline" | "down";

const CHECK_EVERY_MS = 3000;

let state: Connection = navigator.onLine ? "up" : "offline";
let timer: ReturnType<typeof setInterval> | null = null;
const listeners = new Set<() => void>();

const setState = (next: Connection) => {
  if (next !== state) {
    state = next;
    for (const listener of listeners) listener();
  }
};

const statusOf = (error: unknown): number | null =>
  typeof error === "object" && error !== null && "status" in error
    ? Number(error.status)
    : null;

const isOutage = (error: unknown): boolean => {
  const status = statusOf(error);
  return status === 0 || status === 502 || status === 503 || status === 504;
};

const check = async () => {
  if (!navigator.onLine) {
    setState("offline");
    return;
  }
  const answer = await fetch("/readyz", { cache: "no-store" }).catch(
    () => null,
  );
  if (answer?.ok === true) {
    recovered();
  } else {
    setState("down");
  }
};

const watch = () => {
  timer ??= setInterval(() => void check(), CHECK_EVERY_MS);
};

const recovered = () => {
  if (timer !== null) {
    clearInterval(timer);
    timer = null;
  }
  if (state !== "up") {
    setState("up");
    void queryClient.invalidateQueries();
  }
};

const report = (error: unknown) => {
  if (noteRefusal(error)) return;
  if (isOutage(error) && state === "up") {
    setState(navigator.onLine ? "down" : "offline");
    watch();
  }
};

window.addEventListener("offline", () => {
  setState("offline");
  watch();
});
window.addEventListener("online", () => void check());

export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: report }),
  mutationCache: new MutationCache({ onError: report }),
  defaultOptions: {
    queries: {
      // An answer with a reason will not change by asking again at once.
      retry: (count, error) => isOutage(error) && count < 2,
      refetchOnWindowFocus: true,
    },
  },
});

export const useConnection = (): Connection =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => state,
  );
