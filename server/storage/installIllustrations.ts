import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Express } from "express";

import { tintIllustration } from "../../illustrations/tint.ts";
import type { AppDeps } from "../app.ts";
import { projectDir } from "../config.ts";
import { AppError } from "../errors.ts";

/**
 * Our own drawing of each garment category, in the colour asked for: what a
 * product without a photograph shows. Public, and the same for everybody.
 */
export async function installIllustrations(
  app: Express,
  deps: AppDeps,
): Promise<void> {
  const folder = join(projectDir, "illustrations");
  const files = (await readdir(folder)).filter((name) => name.endsWith(".svg"));
  const drawings = new Map(
    await Promise.all(
      files.map(
        async (name) =>
          [name, await readFile(join(folder, name), "utf8")] as const,
      ),
    ),
  );

  app.get("/illustrations/:name", (req, res) => {
    const drawing = drawings.get(req.params.name);
    if (drawing === undefined) {
      throw new AppError("NTFND", "There is no such illustration");
    }
    const { color } = req.query;
    res.set({
      "Content-Type": "image/svg+xml; charset=utf-8",
      "Cache-Control":
        deps.config.mode === "production"
          ? "public, max-age=604800"
          : "public, max-age=300",
      // Opened by itself it is a page: nothing in it may run or load.
      "Content-Security-Policy":
        "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    });
    res.send(
      tintIllustration(
        drawing,
        typeof color === "string" ? color.slice(0, 60) : undefined,
      ),
    );
  });
}
