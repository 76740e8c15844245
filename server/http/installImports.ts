import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import express, { type Express } from "express";
import type { Pool } from "pg";

import type { Catalogs } from "../catalog/Catalogs.ts";
import type { Config } from "../config.ts";
import { AppError } from "../errors/AppError.ts";
import type { ImportFiles } from "../import/importFiles.ts";
import { tooLarge } from "../import/inspectFile.ts";
import { refusedCsv } from "../import/refusedCsv.ts";
import {
  chooseTarget,
  type TargetDeps,
  targetOf,
} from "../import/tableTarget.ts";
import {
  describeImport,
  findImport,
  type UploadDeps,
  uploadImport,
} from "../import/uploadImport.ts";

export type ImportHttpDeps = {
  config: Pick<Config, "limits">;
  pools: { app: Pool };
  disk: ImportFiles;
  log: UploadDeps["log"];
};

/**
 * Files in, refused rows out. The rest of an import is GraphQL; these
 * two are streams. Whoever asks is known by now, and what they may is decided
 * by the database.
 */
export function installImports(
  app: Express,
  deps: ImportHttpDeps,
  catalogs: Pick<Catalogs, "of">,
): void {
  const maxBytes = deps.config.limits.importBytes;
  const imports: UploadDeps = {
    app: deps.pools.app,
    files: deps.disk,
    maxBytes,
    log: deps.log,
  };
  const targets: TargetDeps = {
    app: deps.pools.app,
    catalogOf: async (role) => (await catalogs.of(role))?.catalog ?? null,
  };
  const router = express.Router();

  router.use((req, res, next) => {
    res.setHeader("Cache-Control", "no-store");
    next(req.actor.userId === null ? new AppError("LOGIN") : undefined);
  });

  router.post("/", async (req, res) => {
    // Told before the bytes are read, where the sender announces them.
    if (Number(req.get("content-length") ?? 0) > maxBytes) {
      throw tooLarge(maxBytes);
    }
    if (
      req.is("multipart/form-data") !== false &&
      req.is("multipart/form-data") !== null
    ) {
      throw new AppError(
        "MEDIA",
        "Send the file itself as the body, not a form",
      );
    }
    const { filename, target = "products", method = null } = req.query;
    if (
      typeof target !== "string" ||
      (method !== null && method !== "catalogue" && method !== "table")
    ) {
      throw new AppError("INVAL", "There is no such kind of import", {
        field: typeof target === "string" ? "method" : "target",
      });
    }
    const targetFor = await chooseTarget(targets, req.actor, target, method);
    const uploaded = await uploadImport(
      imports,
      req.actor,
      typeof filename === "string" ? filename : "",
      req,
      targetFor,
      target,
    );
    res.status(201).json(uploaded);
  });

  router.get("/:id", async (req, res) => {
    res.json(
      await describeImport(imports, req.actor, req.params.id, (run) =>
        targetOf(targets, req.actor, run),
      ),
    );
  });

  router.get("/:id/refused.csv", async (req, res) => {
    const run = await findImport(deps.pools.app, req.actor, req.params.id);
    res.attachment(`refused-${run.filename.replace(/\.[^.]*$/, "")}.csv`);
    res.type("text/csv; charset=utf-8");
    await pipeline(
      Readable.from(refusedCsv(deps.pools.app, req.actor, run)),
      res,
    );
  });

  app.use("/imports", router);
}
