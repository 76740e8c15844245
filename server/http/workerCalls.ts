import type { AppDeps } from "../app.ts";
import { AppError } from "../errors.ts";
import { illustrationUrl } from "../storage/ImageUrlPlugin.ts";

/** Who calls: a key, and which of the machines that share it. */
export type WorkerCaller = { keyHash: Buffer; instance: string | null };

/** A job as it was given out. */
type Taken = { jobId: string; attempt: number };

export type ClaimedJob = {
  id: string;
  attempt: number;
  maxAttempts: number;
  categoryCode: string;
  lockedUntil: string;
  /** Links are relative to the address that was called. */
  selfieUrl: string | null;
  garments: {
    position: number;
    categoryCode: string;
    color: string | null;
    /** The photograph; where there is none, our drawing of the category in that colour. */
    imageUrl: string;
    isDrawing: boolean;
  }[];
};

type ClaimedRow = Omit<ClaimedJob, "lockedUntil" | "selfieUrl" | "garments"> & {
  lockedUntil: Date;
  pictures: {
    role: "selfie" | "garment";
    position: number;
    storage_key: string | null;
    category_code: string;
    color: string | null;
  }[];
};

type JobRow = {
  id: string;
  status: string;
  attempt: number;
  retryAt: Date | null;
};

/** The calls of the worker API: each is one statement, and so one transaction. */
export type WorkerCalls = ReturnType<typeof makeWorkerCalls>;

export function makeWorkerCalls(
  deps: Pick<AppDeps, "pools" | "fileUrls" | "config">,
) {
  const { pools, fileUrls, config } = deps;
  const one = async <Row extends object>(
    name: string,
    text: string,
    values: unknown[],
  ): Promise<Row> => {
    const { rows } = await pools.app.query<Row>({ name, text, values });
    const row = rows[0];
    if (row === undefined) throw new AppError("NTFND");
    return row;
  };
  const link = (key: string | null) =>
    key === null ? null : fileUrls.download(key);

  return {
    claim: async (
      { keyHash, instance }: WorkerCaller,
      n: number,
      leaseSeconds: number,
    ): Promise<ClaimedJob[]> => {
      const { rows } = await pools.app.query<ClaimedRow>({
        name: "worker_claim",
        text: CLAIM,
        values: [keyHash, instance, n, leaseSeconds],
      });
      return rows.map(({ pictures, lockedUntil, ...job }) => ({
        ...job,
        lockedUntil: lockedUntil.toISOString(),
        selfieUrl: link(
          pictures.find(({ role }) => role === "selfie")?.storage_key ?? null,
        ),
        garments: pictures
          .filter(({ role }) => role === "garment")
          .map(({ position, category_code, color, storage_key }) => ({
            position,
            categoryCode: category_code,
            color,
            imageUrl:
              link(storage_key) ?? illustrationUrl(category_code, color),
            isDrawing: storage_key === null,
          })),
      }));
    },

    heartbeat: (
      { keyHash, instance }: WorkerCaller,
      { jobId, attempt }: Taken,
      leaseSeconds: number,
    ): Promise<{ lockedUntil: Date }> =>
      one(
        "worker_heartbeat",
        `select app_private.key_heartbeat($1, $2, $3, $4, $5) as "lockedUntil"`,
        [keyHash, instance, jobId, attempt, leaseSeconds],
      ),

    result: async (
      { keyHash, instance }: WorkerCaller,
      { jobId, attempt }: Taken,
      { contentType, bytes }: { contentType: string; bytes: number },
    ): Promise<{ resultKey: string; url: string }> => {
      if (bytes > config.limits.uploadBytes) {
        throw new AppError("LARGE", "The file is too large", {
          field: "bytes",
          hint: `At most ${Math.floor(config.limits.uploadBytes / 1024 / 1024)} MB`,
        });
      }
      const { key } = await one<{ key: string }>(
        "worker_result",
        "select app_private.key_begin_tryon_result($1, $2, $3, $4, $5, $6) as key",
        [keyHash, instance, jobId, attempt, contentType, bytes],
      );
      return {
        resultKey: key,
        url: fileUrls.upload({ key, contentType, bytes }),
      };
    },

    complete: (
      { keyHash, instance }: WorkerCaller,
      { jobId, attempt }: Taken,
      given: { resultKey: string; confidence: number; processingMs: number },
    ): Promise<JobRow> =>
      one(
        "worker_complete",
        `select ${JOB} from app_private.key_complete_tryon($1, $2, $3, $4, $5, $6, $7) j`,
        [
          keyHash,
          instance,
          jobId,
          attempt,
          given.resultKey,
          given.confidence,
          given.processingMs,
        ],
      ),

    fail: (
      { keyHash, instance }: WorkerCaller,
      { jobId, attempt }: Taken,
      given: {
        errorCode: string;
        retryable: boolean;
        processingMs: number | null;
      },
    ): Promise<JobRow> =>
      one(
        "worker_fail",
        `select ${JOB} from app_private.key_fail_tryon($1, $2, $3, $4, $5, $6, $7) j`,
        [
          keyHash,
          instance,
          jobId,
          attempt,
          given.errorCode,
          given.retryable,
          given.processingMs,
        ],
      ),
  };
}

/** What a worker hears of its job; whose it is stays with us. */
const JOB = `j.id, j.status, j.attempt,
  case when j.status = 'queued' then j.run_after end as "retryAt"`;

// The claim is done before the first row is asked for its pictures, so that the
// job is the worker's by then.
const CLAIM = `
  select j.id, j.attempt, j.max_attempts as "maxAttempts", j.category_code as "categoryCode",
    j.locked_until as "lockedUntil",
    (
      select coalesce(json_agg(p), '[]')
      from app_private.key_tryon_pictures($1, $2, j.id, j.attempt) p
    ) as pictures
  from app_private.key_claim_tryon_jobs($1, $2, $3, $4) j`;
