import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";

import type { Express, Request } from "express";

import type { AppDeps } from "../app.ts";
import type { Catalogs } from "../catalog/Catalogs.ts";
import { AppError } from "../errors.ts";
import { CATALOG_EVENTS } from "../http/installCatalog.ts";

export type CatalogEvents = {
  /** Tells every open page whose catalogue is another one now. */
  push(): Promise<{ pages: number; told: number }>;
};

/** Keeps whatever stands between from giving up on a silent connection. */
const HEARTBEAT_MS = 15_000;

type Page = { req: Request; res: ServerResponse; version: string };

/**
 * GET /catalog/events: an event `catalog` with the version of the caller's
 * catalogue, at once and whenever it changes. Who is asking is looked up anew
 * each time: a person who lost a role, or changed brand, has another one.
 */
export function installCatalogEvents(
  app: Express,
  { actors, log, onDrain }: Pick<AppDeps, "actors" | "log" | "onDrain">,
  catalogs: Catalogs,
): CatalogEvents {
  const pages = new Set<Page>();

  app.get(CATALOG_EVENTS, async (req, res) => {
    const served = await catalogs.of(req.actor.role);
    if (served === null) throw new AppError("LOGIN");
    res.set({
      "Content-Type": "text/event-stream",
      // Compression would keep events back until a block is full.
      "Cache-Control": "no-cache, no-transform",
      "X-Accel-Buffering": "no",
    });
    res.flushHeaders();
    const page: Page = { req, res, version: served.catalog.version };
    tell(page);
    pages.add(page);
    const heartbeat = setInterval(() => res.write(": alive\n\n"), HEARTBEAT_MS);
    res.on("close", () => {
      clearInterval(heartbeat);
      pages.delete(page);
    });
  });

  onDrain(() => {
    for (const { res } of pages) res.end();
    return Promise.resolve();
  });

  const refresh = async (page: Page): Promise<boolean> => {
    const { role } = await actors.ofRequest(page.req, randomUUID());
    const served = await catalogs.of(role);
    if (served === null) {
      // Signed out meanwhile: the page finds out when it connects again.
      page.res.end();
      return false;
    }
    if (served.catalog.version === page.version) return false;
    page.version = served.catalog.version;
    tell(page);
    return true;
  };

  return {
    push: async () => {
      const open = [...pages];
      const told = await Promise.all(
        open.map((page) =>
          refresh(page).catch((error: unknown) => {
            log.warn({ err: error }, "an open page was not told of a change");
            page.res.end();
            return false;
          }),
        ),
      );
      return { pages: open.length, told: told.filter(Boolean).length };
    },
  };
}

function tell({ res, version }: Page): void {
  res.write(`event: catalog\ndata: ${JSON.stringify({ version })}\n\n`);
}
