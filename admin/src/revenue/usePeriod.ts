import { useState } from "react";
import { useSearchParams } from "react-router";

import type { Period } from "./period.ts";
import { periodParams, readPeriod } from "./period.ts";

/** The period of the address, and how to change it; other parameters stay. */
export const usePeriod = () => {
  const [search, setSearch] = useSearchParams();
  // A page that is open at midnight goes on with the day it was opened on.
  const [now] = useState(() => new Date());
  const change = (changes: Record<string, string | null>) =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        for (const [name, value] of Object.entries(changes)) {
          if (value === null || value === "") next.delete(name);
          else next.set(name, value);
        }
        return next;
      },
      { replace: true },
    );
  return {
    now,
    search,
    period: readPeriod(search, now),
    /** Of other parameters of the address; null takes one out. */
    change,
    setPeriod: (period: Period) =>
      change({
        period: null,
        from: null,
        to: null,
        // Where one was, it need not be in another list.
        page: null,
        ...periodParams(period),
      }),
  };
};
