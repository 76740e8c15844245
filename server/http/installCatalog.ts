import type { Express } from "express";

import type { AppDeps } from "../app.ts";
import type { Catalogs } from "../catalog/Catalogs.ts";
import { AppError } from "../errors.ts";

/** Where a developer's server tells open pages that the catalogue changed. */
export const CATALOG_EVENTS = "/catalog/events";

/**
 * /catalog.json: what the caller's role sees, from memory. The answer differs
 * per role and not per person, and a browser asks again only by its ETag.
 */
export function installCatalog(
  app: Express,
  { log, development }: Pick<AppDeps, "log" | "development">,
  catalogs: Catalogs,
): void {
  app.get("/catalog.json", async (req, res) => {
    const served = await catalogs.of(req.actor.role);
    if (served === null) throw new AppError("LOGIN");
    res.set({
      "Cache-Control": "private, no-cache",
      ETag: served.etag,
      Vary: "Accept-Encoding, Cookie, Authorization",
    });
    // A page listens only where somebody speaks.
    if (development !== null) res.set("Catalog-Events", CATALOG_EVENTS);
    if (req.get("If-None-Match") === served.etag) {
      res.status(304).end();
      return;
    }
    res.type("application/json");
    // Compressed once, not with every answer.
    if (req.acceptsEncodings("gzip") === "gzip") {
      res.set("Content-Encoding", "gzip").send(served.gzipped);
    } else {
      res.send(served.json);
    }
  });

  catalogs.faults().then(
    (faults) => {
      for (const fault of faults)
        log.warn({ fault }, "a tag is not understood");
    },
    (error: unknown) => log.error({ err: error }, "the tags were not checked"),
  );
}
