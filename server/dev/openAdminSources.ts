import type { IncomingMessage, Server } from "node:http";
import { join } from "node:path";

import type { Express } from "express";
import { createLogger, createServer } from "vite";

import type { AppDeps } from "../app.ts";
import { projectDir } from "../config.ts";
import type { Log } from "../db/log.ts";

export type AdminSources = {
  install(app: Express, deps: Pick<AppDeps, "onDrain">): void;
  ownsSocket(request: IncomingMessage): boolean;
  close(): Promise<void>;
};

/**
 * The admin from its sources, at the same address as the API: Vite transforms
 * each file when the browser asks for it and tells open pages what changed. It
 * listens on nothing of its own.
 */
export async function openAdminSources(
  server: Server,
  log: Log,
): Promise<AdminSources> {
  const root = join(projectDir, "admin");
  const vite = await createServer({
    root,
    configFile: join(root, "vite.config.ts"),
    appType: "spa",
    clearScreen: false,
    customLogger: {
      ...createLogger("warn", { allowClearScreen: false }),
      info: (text) => log.debug(text),
      warn: (text) => log.warn(text),
      warnOnce: (text) => log.warn(text),
      error: (text) => log.error(text),
    },
    server: {
      middlewareMode: true,
      ws: { server },
    },
  });
  let closing: Promise<void> | null = null;
  const close = () => (closing ??= vite.close());
  return {
    install: (app, { onDrain }) => {
      // An open page keeps a socket to it, and the port with it.
      onDrain(close);
      app.get("/", (_req, res) => {
        res.redirect(302, "/admin/");
      });
      app.use((req, res, next) => {
        if (!isOfAdmin(req.path)) {
          next();
          return;
        }
        if (req.path === "/admin")
          req.url = req.url.replace("/admin", "/admin/");
        // The page that loads changed modules holds a script of Vite's own.
        res.removeHeader("Content-Security-Policy");
        res.setHeader("Cache-Control", "no-cache");
        vite.middlewares(req, res, next);
      });
    },
    ownsSocket: (request) =>
      isOfAdmin((request.url ?? "").split("?", 1)[0] ?? ""),
    close,
  };
}

function isOfAdmin(path: string): boolean {
  return path === "/admin" || path.startsWith("/admin/");
}
