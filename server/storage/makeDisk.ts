import { Disk } from "flydrive";
import { FSDriver } from "flydrive/drivers/fs";

import type { StorageConfig } from "../config.ts";

/** The place files live in: a folder, or an S3 bucket by configuration. */
export async function makeDisk(storage: StorageConfig): Promise<Disk> {
  if (storage.driver === "fs") {
    return new Disk(
      new FSDriver({ location: storage.dir, visibility: "private" }),
    );
  }
  return new Disk(await makeS3Driver(storage));
}

/** Loaded only where it is used: the SDK is large. */
async function makeS3Driver(
  storage: Extract<StorageConfig, { driver: "s3" }>,
): Promise<ConstructorParameters<typeof Disk>[0]> {
  const { S3Driver } = await import("flydrive/drivers/s3").catch(
    (error: unknown) => {
      throw new Error(
        "STORAGE_DRIVER=s3 needs two packages that are not installed. Run: npm install @aws-sdk/client-s3 @aws-sdk/s3-request-presigner",
        { cause: error },
      );
    },
  );
  return new S3Driver({
    credentials: {
      accessKeyId: storage.accessKeyId,
      secretAccessKey: storage.secretAccessKey,
    },
    region: storage.region,
    bucket: storage.bucket,
    forcePathStyle: storage.forcePathStyle,
    ...(storage.endpoint === null ? {} : { endpoint: storage.endpoint }),
    visibility: "private",
    supportsACL: false,
  });
}
