import type { Readable } from "node:stream";

/** Where uploaded files live; a flydrive Disk fits. */
export type ImportFiles = {
  putStream(key: string, contents: Readable): Promise<void>;
  getStream(key: string): Promise<Readable>;
  delete(key: string): Promise<void>;
};
