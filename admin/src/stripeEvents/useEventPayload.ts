import { useQuery } from "@tanstack/react-query";
import { useDataProvider } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";
import type { Payload } from "./payload.ts";

/** What Stripe signed: large, so only where somebody looks at one event. */
export const useEventPayload = (eventId: string | null) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["stripe_events", "payload", { id: eventId }],
    enabled: eventId !== null,
    // It never changes.
    staleTime: Number.POSITIVE_INFINITY,
    queryFn: async ({ signal }): Promise<Payload | null> => {
      const event = await dataProvider.query<{ payload: Payload } | null>(
        "stripeEvent",
        { rowId: { type: "String!", value: eventId } },
        "payload",
        { signal },
      );
      return event?.payload ?? null;
    },
  });
};
