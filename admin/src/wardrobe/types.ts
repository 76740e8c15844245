import type { RaRecord } from "react-admin";

export type WardrobeItem = RaRecord<string> & {
  userId: string;
  productId: string | null;
  categoryCode: string;
  name: string;
  brandLabel: string | null;
  color: string | null;
  aiTags: string[];
  colorTags: string[];
  usageCount: number;
  imageKey: string | null;
  imageUrl: string | null;
  createdAt: string;
  updatedAt: string;
};
