import compression from "compression";
import type { Express } from "express";

/** Text shrinks; event streams must not be held back in a buffer. */
export function installCompression(app: Express): void {
  app.use(
    compression({
      filter: (req, res) =>
        !String(res.getHeader("Content-Type")).startsWith(
          "text/event-stream",
        ) && compression.filter(req, res),
    }),
  );
}
