import type { RaRecord } from "react-admin";

export type Product = RaRecord<string> & {
  brandId: string;
  sku: string;
  name: string;
  categoryCode: string;
  brandLabel: string | null;
  gender: string | null;
  color: string | null;
  season: string | null;
  year: number | null;
  usage: string | null;
  tags: string[];
  priceMinor: number | null;
  currency: string | null;
  imageKey: string | null;
  imageUrl: string | null;
  active: boolean;
  createdAt: string;
  updatedAt: string;
};
