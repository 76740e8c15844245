import type { Request } from "express";

import { AppError } from "../errors.ts";
import type { Actor } from "./actor.ts";

/**
 * For whom a page was opened: `<id of the person>/<id of the brand, or nothing>`.
 * Tabs share one cookie. Without this header a page goes on as whoever signed in,
 * and for whichever brand was chosen, in another one.
 */
export const ACTING_AS = "x-acting-as";

/** Whoever says for whom they act must still be it; who says nothing is let be. */
export function assertActingAs(
  req: Pick<Request, "headers">,
  actor: Actor,
): void {
  const said = req.headers[ACTING_AS];
  if (said === undefined) return;
  if (actor.userId === null) {
    throw new AppError("LOGIN", "Your session has ended.", {
      hint: "Sign in again.",
    });
  }
  if (said === `${actor.userId}/${actor.brandId ?? ""}`) return;
  const [userId] = String(said).split("/");
  throw new AppError(
    "OTHER",
    userId === actor.userId
      ? "This page was opened for another brand than you act for now."
      : "This page was opened by somebody else than who is signed in now.",
  );
}
