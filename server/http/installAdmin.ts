import { join } from "node:path";

import express, { type Express } from "express";

import type { AppDeps } from "../app.ts";
import { AppError } from "../errors.ts";

/**
 * The built admin. Files with a hash in their name never change; the page that
 * names them is asked for each time. Addresses inside the admin all get that
 * page, because the browser routes them.
 */
export function installAdmin(app: Express, deps: AppDeps): void {
  const { adminDir } = deps;
  app.get("/", (_req, res) => {
    res.redirect(302, "/admin");
  });

  // A source map tells how the admin is made; a dotfile is never meant to be read.
  app.use("/admin", (req, _res, next) => {
    const hidden =
      /(^|\/)\./.test(safeDecode(req.path)) ||
      (deps.config.mode === "production" && /\.map$/i.test(req.path));
    next(
      hidden
        ? new AppError("NTFND", "There is nothing at this address")
        : undefined,
    );
  });
  app.use(
    "/admin/assets",
    express.static(join(adminDir, "assets"), {
      dotfiles: "ignore",
      immutable: true,
      index: false,
      maxAge: "1y",
      redirect: false,
    }),
  );
  app.use(
    "/admin",
    express.static(adminDir, {
      cacheControl: false,
      dotfiles: "ignore",
      index: false,
      redirect: false,
      setHeaders: (res) => {
        res.setHeader("Cache-Control", "no-cache");
      },
    }),
  );
  app.get(/^\/admin(\/.*)?$/, (req, res, next) => {
    // A missing file is a missing file, not a page of the admin.
    if (
      /^\/admin\/assets\//.test(req.path) ||
      /\.[a-z0-9]{2,5}$/i.test(req.path)
    ) {
      next();
      return;
    }
    res.sendFile(
      "index.html",
      { root: adminDir, headers: { "Cache-Control": "no-cache" } },
      (error: Error | undefined) => {
        if (error === undefined) return;
        next(
          (error as NodeJS.ErrnoException).code === "ENOENT"
            ? new AppError("NTFND", "The admin has not been built", {
                hint: "Run: npm run admin:build",
              })
            : error,
        );
      },
    );
  });
}

function safeDecode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    // express.static answers what cannot be decoded with 400.
    return path;
  }
}
