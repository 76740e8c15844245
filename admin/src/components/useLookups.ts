import { useGetList } from "react-admin";

import { usualExponent } from "../format.ts";

export type Category = {
  id: string;
  code: string;
  label: string;
  group: string;
  tracking: string;
  sort: number;
  active: boolean;
  /** Credits. */
  tryonCost: number;
};
export type Currency = {
  id: string;
  code: string;
  label: string;
  exponent: number;
};

// Lookups change by migration, not by the minute.
const STALE_MS = 10 * 60_000;

export const useCategories = () => {
  const { data = [], isPending } = useGetList<Category>(
    "wardrobe_categories",
    {
      pagination: { page: 1, perPage: 100 },
      sort: { field: "code", order: "ASC" },
    },
    { staleTime: STALE_MS },
  );
  const categories = [...data].sort((a, b) => a.sort - b.sort);
  return {
    categories,
    isPending,
    labelOf: (code: string | null | undefined) =>
      categories.find((category) => category.code === code)?.label ??
      code ??
      "",
  };
};

export const useCurrencies = () => {
  const { data = [], isPending } = useGetList<Currency>(
    "currencies",
    {
      pagination: { page: 1, perPage: 100 },
      sort: { field: "code", order: "ASC" },
    },
    { staleTime: STALE_MS },
  );
  return {
    currencies: data,
    isPending,
    exponentOf: (code: string | null | undefined) =>
      data.find((currency) => currency.code === code)?.exponent ??
      usualExponent(code ?? ""),
  };
};
