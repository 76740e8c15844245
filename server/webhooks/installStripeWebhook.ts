import { isUtf8 } from "node:buffer";

import express, { type Express, type RequestHandler } from "express";
import { Counter, type Registry } from "prom-client";

import type { AppDeps } from "../app.ts";
import { AppError } from "../errors.ts";
import { withinDeadline } from "../http/jsonBody.ts";
import { checkStripeSignature } from "./checkStripeSignature.ts";
import { Inbox, NotAnEvent } from "./Inbox.ts";
import { makeWakeWorker } from "./wakeWorker.ts";

export const WEBHOOK_PATH = "/webhooks/stripe";

/** What became of a delivery, as /metrics counts it. */
type Outcome =
  | "stored"
  | "duplicate"
  | "bad_signature"
  | "too_old"
  | "from_the_future"
  | "wrong_type"
  | "too_large"
  | "unreadable"
  | "bad_json"
  | "not_an_event"
  | "not_stored";

/**
 * Deliveries of Stripe: checked, kept, answered; what they mean is worked out
 * later. Stands before everything about people: there is none here. Without a
 * signing secret there is no such address.
 *
 * Who is refused learns nothing but that: each reason has the same answer. What
 * could not be kept for want of a database is answered 503, and Stripe comes
 * again. The body is never logged.
 */
export function installStripeWebhook(
  app: Express,
  {
    config,
    pools,
    log,
    onClose,
  }: Pick<AppDeps, "config" | "pools" | "log" | "onClose">,
  registry: Registry,
): void {
  const secrets = config.stripe.webhookSecrets;
  if (secrets.length === 0) return;
  const inbox = new Inbox(pools.app);
  const worker = makeWakeWorker(pools.app, log);
  onClose(() => worker.close());
  const outcomes = new Counter({
    name: "closetai_stripe_webhooks_total",
    help: "Deliveries to the Stripe webhook, by what became of them.",
    labelNames: ["outcome"],
    registers: [registry],
  });
  const count = (outcome: Outcome) => {
    outcomes.inc({ outcome });
  };
  const refuse = (outcome: Outcome) => {
    count(outcome);
    return new AppError("BADRQ");
  };

  const jsonOnly: RequestHandler = (req, _res, next) => {
    next(
      req.is("application/json") === "application/json"
        ? undefined
        : refuse("wrong_type"),
    );
  };
  // Compressed bodies are refused: a small one may unpack to a large one.
  const raw = express.raw({
    type: () => true,
    limit: config.limits.webhookBytes,
    inflate: false,
  });
  const read: RequestHandler = (req, res, next) => {
    raw(req, res, (error?: unknown) => {
      if (error === undefined) next();
      else next(refuse(isTooLarge(error) ? "too_large" : "unreadable"));
    });
  };

  app.post(
    WEBHOOK_PATH,
    jsonOnly,
    withinDeadline(config.limits.headersMs, read),
    async (req, res) => {
      const body = readText(req.body);
      if (body === null) throw refuse("unreadable");
      const fault = checkStripeSignature({
        body,
        header: req.get("stripe-signature"),
        secrets,
      });
      if (fault !== null) throw refuse(fault);
      if (!isJson(body)) throw refuse("bad_json");
      const isNew = await inbox.store(body).catch((error: unknown) => {
        if (error instanceof NotAnEvent) throw refuse("not_an_event");
        count("not_stored");
        throw error;
      });
      count(isNew ? "stored" : "duplicate");
      res.set("Cache-Control", "no-store").json({ received: true });
      worker.wake();
    },
  );
}

function isTooLarge(error: unknown): boolean {
  return (
    typeof error === "object" &&
    error !== null &&
    "type" in error &&
    error.type === "entity.too.large"
  );
}

/** Exactly the bytes: what is no UTF-8 would be signed as one text and kept as another. */
function readText(body: unknown): string | null {
  return Buffer.isBuffer(body) && isUtf8(body) ? body.toString("utf8") : null;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch (error) {
    if (error instanceof SyntaxError) return false;
    throw error;
  }
}
