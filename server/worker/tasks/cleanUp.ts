import type { Task } from "graphile-worker";

import { removeOldPartials } from "../../storage/partials.ts";
import type { WorkerDeps } from "../startWorker.ts";

const FILES_PER_ROUND = 200;

/** Deletes what has run out: sessions, links, idempotency keys, lost uploads. */
export function makeCleanUp({ config, pools, disk, log }: WorkerDeps): Task {
  return async (_payload, { abortSignal }) => {
    const { rows } = await pools.worker.query<{ counts: object }>(
      "select app_private.clean_up() as counts",
    );
    const { rows: files } = await pools.worker.query<{ key: string }>(
      "select key from app_private.claim_expired_uploads($1) as key",
      [FILES_PER_ROUND],
    );
    for (const { key } of files) {
      abortSignal.throwIfAborted();
      // The bytes first: a row without bytes is found again, bytes without a
      // row are lost for ever.
      await disk.delete(key);
      await pools.worker.query("select app_private.forget_upload($1)", [key]);
    }
    const partials = await removeOldPartials(config);
    log.debug(
      { ...rows[0]?.counts, files: files.length, partials },
      "cleaned up",
    );
  };
}
