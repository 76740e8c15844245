import { keepPreviousData } from "@tanstack/react-query";
import type { RaRecord } from "react-admin";
import { useGetList } from "react-admin";

import type { TriedOn } from "./types.ts";
import type { JobScope } from "./useJobScope.ts";
import { useJobScope } from "./useJobScope.ts";

export type GarmentNode = {
  productId?: string | null;
  wardrobeItemId?: string | null;
  product?: Partial<TriedOn> & { id?: string };
  wardrobeItem?: Partial<TriedOn> & { id?: string };
} | null;

const SHOWN = ["name", "categoryCode", "color", "imageUrl"];

/** The columns of a garment that this role may read: wardrobes are private. */
export const garmentColumns = ({ eyes }: JobScope): string[] => [
  "jobId",
  "position",
  "productId",
  ...SHOWN.map((name) => `product.${name}`),
  ...(eyes === "brand" ? [] : ["wardrobeItemId"]),
  ...(eyes === "shopper" ? SHOWN.map((name) => `wardrobeItem.${name}`) : []),
];

/** A garment as pages show it; null names where the role sees that there is one. */
export function triedOn(garment: NonNullable<GarmentNode>): TriedOn {
  const isItem = garment.wardrobeItemId != null;
  const shown = isItem ? garment.wardrobeItem : garment.product;
  return {
    id: (isItem ? garment.wardrobeItemId : garment.productId) ?? null,
    kind: isItem ? "item" : "product",
    name: shown?.name ?? "",
    categoryCode: shown?.categoryCode ?? null,
    color: shown?.color ?? null,
    imageUrl: shown?.imageUrl ?? null,
  };
}

const MOST_GARMENTS = 8;

/** What was tried on, of all jobs on the page in one request. */
export const useTriedOn = (ids: readonly string[]) => {
  const scope = useJobScope();
  const { data } = useGetList<RaRecord & { jobId: string; position: number }>(
    scope.garments,
    {
      pagination: { page: 1, perPage: ids.length * MOST_GARMENTS },
      sort: { field: "id", order: "ASC" },
      filter: { "jobId@in": [...ids] },
      meta: { columns: garmentColumns(scope), total: false },
    },
    {
      enabled: ids.length > 0,
      placeholderData: keepPreviousData,
      // A job's garments are fixed when it is asked for.
      staleTime: 10 * 60_000,
    },
  );
  const byJob = new Map<string, TriedOn[]>();
  for (const garment of [...(data ?? [])].sort(
    (a, b) => a.position - b.position,
  )) {
    const others = byJob.get(garment.jobId) ?? [];
    byJob.set(garment.jobId, [
      ...others,
      triedOn(garment as unknown as NonNullable<GarmentNode>),
    ]);
  }
  return byJob;
};
