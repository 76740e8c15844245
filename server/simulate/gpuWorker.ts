import { setTimeout as sleep } from "node:timers/promises";

import { drawPicture } from "./drawPicture.ts";
import type { Figures } from "./figures.ts";
import { Refusal, type Session } from "./session.ts";
import { pick } from "./shoppers.ts";

export type WorkOptions = {
  /** The share of attempts that fail. */
  fail: number;
  /** Milliseconds an attempt takes, more or less. */
  workMs: number;
  onCompleted(jobId: string): void;
  onError(error: unknown): void;
};

type Job = { id: string; attempt: number; selfieUrl: string | null };

const BATCH = 8;
const LEASE_SECONDS = 60;
const PAUSE_MS = 500;
const FAILURES = ["NO_BODY_FOUND", "GPU_OUT_OF_MEMORY", "BLURRED_SELFIE"];

/** Takes jobs and works on them until told to stop; what it has, it finishes. */
export async function runGpuWorker(
  session: Session,
  worker: string,
  options: WorkOptions,
  figures: Figures,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    let jobs: Job[] = [];
    try {
      const answer = (await session.post("/worker/claim", {
        n: BATCH,
        leaseSeconds: LEASE_SECONDS,
        worker,
      })) as { jobs: Job[] };
      jobs = answer.jobs;
    } catch (error) {
      options.onError(error);
    }
    if (jobs.length === 0) {
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      continue;
    }
    await Promise.all(
      jobs.map((job) =>
        work(session, worker, job, options, figures).catch(options.onError),
      ),
    );
  }
}

async function work(
  session: Session,
  worker: string,
  { id, attempt, selfieUrl }: Job,
  { fail, workMs, onCompleted }: WorkOptions,
  figures: Figures,
): Promise<void> {
  const startedAt = performance.now();
  const call = (what: string, body: object) =>
    session.post(`/worker/jobs/${id}/${what}`, { attempt, worker, ...body });
  const spent = () => Math.round(performance.now() - startedAt);
  if (selfieUrl !== null) {
    const picture = await session.get(selfieUrl);
    await picture.body?.cancel();
    if (!picture.ok) {
      throw new Refusal("SELFIE", "A selfie is gone", picture.status, null);
    }
  }
  await sleep(workMs * (0.5 + Math.random()));
  if (Math.random() < fail) {
    await call("fail", {
      errorCode: pick(FAILURES),
      retryable: Math.random() < 0.7,
      processingMs: spent(),
    });
    figures.failed++;
    return;
  }
  const picture = drawPicture(Math.floor(Math.random() * 360));
  const { resultKey, url } = (await call("result", {
    contentType: "image/png",
    bytes: picture.length,
  })) as { resultKey: string; url: string };
  await session.put(url, picture, "image/png");
  await call("complete", {
    resultKey,
    confidence: Math.round((0.6 + Math.random() * 0.4) * 1e4) / 1e4,
    processingMs: spent(),
  });
  figures.completed++;
  onCompleted(id);
}
