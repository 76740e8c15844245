import { once } from "node:events";

import type { Express, Request, Response } from "express";

import type { AppDeps } from "../app.ts";
import type { Catalogs } from "../catalog/Catalogs.ts";
import { AppError } from "../errors.ts";
import { type ExecuteGraphQL, exportPages } from "../export/exportPages.ts";
import {
  type ExportRequest,
  parseExportRequest,
} from "../export/parseExportRequest.ts";
import { ROW_WRITERS } from "../export/writeRows.ts";
import { writeWorkbook } from "../export/writeWorkbook.ts";
import type { GraphQLApi } from "./installGraphQL.ts";
import { jsonOnly, makeJsonBody } from "./jsonBody.ts";

/**
 * POST /exports: a list as a file, all of its rows, streamed. The header
 * X-Total-Count says how many are coming; hanging up stops the work.
 */
export function installExports(
  app: Express,
  { config, log }: Pick<AppDeps, "config" | "log">,
  catalogs: Catalogs,
  api: Pick<GraphQLApi, "execute">,
): void {
  const body = makeJsonBody(config.limits);
  app.post("/exports", jsonOnly, ...body, async (req, res) => {
    const served = await catalogs.of(req.actor.role);
    if (served === null) throw new AppError("LOGIN");
    const request = parseExportRequest(req.body, served.catalog);
    const gone = new AbortController();
    res.on("close", () => gone.abort(new Error("The reader is gone")));
    const execute: ExecuteGraphQL = (source, variables) =>
      api.execute({ expressv4: { req, res } }, source, variables);
    try {
      await send(request, execute, req, res, gone.signal);
    } catch (error) {
      if (gone.signal.aborted) return;
      // The head is out and cannot be taken back: a cut connection tells the
      // reader that the file is not whole.
      if (res.headersSent) {
        log.error({ err: error }, "an export broke off");
        res.destroy();
        return;
      }
      throw error;
    }
  });
}

async function send(
  request: ExportRequest,
  execute: ExecuteGraphQL,
  _req: Request,
  res: Response,
  signal: AbortSignal,
): Promise<void> {
  const pages = exportPages(request, execute, signal);
  const { columns, format, resource } = request;
  const start = (total: number, type: string, extension: string) => {
    res.set({
      "Cache-Control": "no-store",
      "Content-Type": type,
      "Content-Disposition": `attachment; filename="${resource.name}-${new Date().toISOString().slice(0, 10)}.${extension}"`,
      "X-Total-Count": String(total),
    });
  };
  if (format === "xlsx") {
    const { total, file } = await writeWorkbook(request, pages);
    start(
      total,
      "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
      "xlsx",
    );
    res.send(file);
    return;
  }
  const writer = ROW_WRITERS[format];
  let started = false;
  for await (const { total, rows } of pages) {
    if (!started) {
      start(total, writer.contentType, writer.extension);
      res.write(writer.head(columns));
      started = true;
    }
    const text = rows.map((row) => writer.row(row, columns)).join("");
    // A reader slower than the database must not fill our memory.
    if (text !== "" && !res.write(text)) await once(res, "drain", { signal });
  }
  res.end();
}
