import type { RaRecord } from "react-admin";

export type UserRecord = RaRecord<string> & {
  anonId: string;
  email: string | null;
  displayName: string;
  timezone: string;
  status: "active" | "suspended" | "erased";
  lastLoginAt: string | null;
  createdAt: string;
  updatedAt: string;
};
