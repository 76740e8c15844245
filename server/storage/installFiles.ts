import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

import type { Express, Request, Response } from "express";

import type { AppDeps } from "../app.ts";
import { withTransaction } from "../db/withActor.ts";
import { AppError, isError } from "../errors.ts";
import { checkImage } from "./checkImage.ts";
import { imageTypeOfKey } from "./imageTypes.ts";
import { partialsFolder } from "./partials.ts";
import { drain, feed } from "./readUpload.ts";
import type { UploadTicket } from "./signUrls.ts";

/** Keys we make; nothing with a dot-dot, a backslash or a drive ever matches. */
const KEY = /^[a-z]+(\/[0-9A-Za-z-]+)*\/[0-9A-Za-z-]+\.[a-z]+$/;

/** Uploads and downloads by signed link; the link is the permission. */
export function installFiles(app: Express, deps: AppDeps): void {
  app.use("/files", async (req, res) => {
    const key = readKey(req);
    // Not as a URL: a target such as http://a:99999/files/… is none.
    const [, search = ""] = req.originalUrl.split("?", 2);
    const query = new URLSearchParams(search);
    if (req.method === "PUT") {
      try {
        const ticket = deps.fileUrls.verifyUpload(key, query);
        if (ticket === null) throw linkRefused();
        await receive(req, res, deps, ticket);
      } catch (error) {
        await drain(req, deps.config.limits.uploadBytes);
        throw error;
      }
    } else if (req.method === "GET" || req.method === "HEAD") {
      const secondsLeft = deps.fileUrls.verifyDownload(key, query);
      if (secondsLeft === null) throw linkRefused();
      await send(req, res, deps, key, secondsLeft);
    } else {
      res.set("Allow", "GET, HEAD, PUT");
      throw new AppError("METHD", "Only GET and PUT are answered here");
    }
  });
}

/** One answer for forged, altered and old links. */
function linkRefused(): AppError {
  return new AppError("EXPRD", "This link is not valid, or no longer", {
    status: 403,
    hint: "Load the page again for a new one",
  });
}

function readKey(req: Request): string {
  let key: string;
  try {
    key = decodeURIComponent(req.path.slice(1));
  } catch {
    // A broken percent sequence is not a key of ours.
    throw linkRefused();
  }
  if (!KEY.test(key)) throw linkRefused();
  return key;
}

async function receive(
  req: Request,
  res: Response,
  { disk, pools, config, log }: AppDeps,
  ticket: UploadTicket,
): Promise<void> {
  if (req.get("content-type") !== ticket.contentType) {
    throw new AppError("MEDIA", "The file must be sent as the announced type");
  }
  if (
    ticket.bytes > config.limits.uploadBytes ||
    Number(req.get("content-length") ?? ticket.bytes) > ticket.bytes
  ) {
    throw new AppError("LARGE", "The file is larger than announced");
  }
  // Beside the stored files until it is whole and checked: a cut or refused
  // upload never reaches them, and two uploads by one link do not mix.
  const folder = partialsFolder(config);
  await mkdir(folder, { recursive: true });
  const partial = join(folder, `${randomUUID()}.part`);
  const check = checkImage(ticket);
  try {
    feed(req, check.stream);
    await pipeline(check.stream, createWriteStream(partial));
    // The row is locked while the file moves into place, so a key is written
    // once; a crash in between leaves the row pending, and the link good.
    await withTransaction(pools.app, async (client) => {
      const { rows } = await client.query<{ done: boolean }>(
        "select app_private.complete_upload($1, $2, $3) as done",
        [ticket.key, ticket.bytes, check.sha256()],
      );
      if (rows[0]?.done !== true) {
        throw new AppError("STATE", "This file has been uploaded already");
      }
      await disk.copyFromFs(partial, ticket.key, {
        contentType: ticket.contentType,
        contentLength: ticket.bytes,
      });
    });
  } catch (error) {
    throw uploadError(error);
  } finally {
    await rm(partial, { force: true }).catch((error: unknown) => {
      // clean_up finds it tomorrow.
      log.warn({ err: error }, "a partial upload was not deleted");
    });
  }
  res.status(204).end();
}

function uploadError(error: unknown): unknown {
  // The driver wraps what the file system said.
  for (let cause = error; isError(cause); cause = cause.cause) {
    if (cause instanceof AppError) return cause;
    if (
      "code" in cause &&
      (cause.code === "ENOSPC" || cause.code === "EDQUOT")
    ) {
      return new AppError(
        "DOWN",
        "The server has no room to store this just now",
        { cause: error },
      );
    }
  }
  return error;
}

async function send(
  req: Request,
  res: Response,
  { disk }: AppDeps,
  key: string,
  secondsLeft: number,
): Promise<void> {
  const contentType = imageTypeOfKey(key);
  if (contentType === null) throw linkRefused();
  if (!(await disk.exists(key))) {
    throw new AppError("NTFND", "There is no such file");
  }
  const meta = await disk.getMetaData(key);
  res.set({
    "Content-Type": contentType,
    "Content-Length": String(meta.contentLength),
    "Content-Disposition": `inline; filename="${key.slice(key.lastIndexOf("/") + 1)}"`,
    // A stored file never changes, but its link ends.
    "Cache-Control": `private, max-age=${secondsLeft}, immutable`,
    ETag: meta.etag,
    // Opened by itself, a file is a picture and nothing else.
    "Content-Security-Policy": "default-src 'none'; sandbox",
  });
  if (req.fresh) {
    res.removeHeader("Content-Length");
    res.status(304).end();
    return;
  }
  if (req.method === "HEAD") {
    res.end();
    return;
  }
  await pipeline(await disk.getStream(key), res);
}
