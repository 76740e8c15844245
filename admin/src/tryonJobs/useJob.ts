import { useQuery } from "@tanstack/react-query";
import { HttpError, useDataProvider } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";
import type { TryonAttempt, TryonPage } from "./types.ts";
import type { JobScope } from "./useJobScope.ts";
import { useJobScope } from "./useJobScope.ts";
import { type GarmentNode, triedOn } from "./useTriedOn.ts";

const SHARED = `rowId brandId payer status categoryCode cost confidence processingMs attempt maxAttempts
  errorCode deviceFamily appVersion retryOf queuedAt startedAt finishedAt result { url status }`;
const PRODUCT = "product { name categoryCode color imageUrl }";
const ATTEMPT = "attempt outcome errorCode processingMs startedAt finishedAt";
const QUEUE = "runAfter deadlineAt lockedUntil";

/** What each may read: who wears what is for the shopper, which worker for staff. */
const SELECTIONS: Readonly<Record<JobScope["eyes"], string>> = {
  brand: `${SHARED} shopper
    garments(first: 8) { nodes { position productId ${PRODUCT} } }
    attempts(first: 10) { nodes { ${ATTEMPT} } }`,
  shopper: `${SHARED} ${QUEUE} selfie { url status }
    garments(first: 8) { nodes { position productId ${PRODUCT} wardrobeItemId wardrobeItem { name categoryCode color imageUrl } } }
    attempts(first: 10) { nodes { ${ATTEMPT} } }
    feedback { accurate rating }`,
  staff: `${SHARED} ${QUEUE} lockedBy userId user { displayName email } brand { name }
    garments(first: 8) { nodes { position productId ${PRODUCT} wardrobeItemId } }
    attempts(first: 10) { nodes { ${ATTEMPT} worker } }
    feedback { accurate rating }`,
};

type Answer = Record<string, unknown> & {
  rowId: string;
  confidence: string | number | null;
  garments: { nodes: (GarmentNode & { position: number })[] };
  attempts: { nodes: TryonAttempt[] };
};

/** One answer of the API, in the order a page shows it. */
const toPage = (answer: Answer): TryonPage =>
  ({
    ...answer,
    id: answer.rowId,
    confidence: answer.confidence === null ? null : Number(answer.confidence),
    garments: [...answer.garments.nodes]
      .sort((a, b) => a.position - b.position)
      .map(triedOn),
    attempts: [...answer.attempts.nodes].sort((a, b) => a.attempt - b.attempt),
  }) as unknown as TryonPage;

export const useJob = (id: string) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  const { jobs, eyes } = useJobScope();
  return useQuery({
    // As a record is read: a change of another job does not concern it.
    queryKey: [jobs, "getOne", { id, part: "page" }],
    enabled: id !== "",
    queryFn: async ({ signal }): Promise<TryonPage> => {
      const answer = await dataProvider.query<Answer | null>(
        eyes === "brand" ? "brandTryonJob" : "tryonJob",
        { rowId: { type: "UUID!", value: id } },
        SELECTIONS[eyes],
        { signal },
      );
      if (answer === null) throw new HttpError("ra.page.not_found", 404);
      return toPage(answer);
    },
  });
};
