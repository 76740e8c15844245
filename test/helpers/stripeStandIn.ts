import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import express, { type Request, type Response } from "express";

export type StripeCall = {
  method: string;
  path: string;
  /** Flat, as Stripe's forms are: `line_items[0][price]`. */
  form: Record<string, string>;
  idempotencyKey: string | undefined;
};

/** What Stripe's API would answer, as far as this product asks it. */
export type StripeStandIn = {
  url: string;
  calls: StripeCall[];
  /** Objects to retrieve, by id. */
  objects: Map<string, Record<string, unknown>>;
  /** Answers instead of all routes until it is null again. */
  fault: { status: number; error: Record<string, unknown> } | null;
  close(): Promise<void>;
};

export const STAND_IN_KEY = "sk_test_standin0123456789";

export async function startStripeStandIn(): Promise<StripeStandIn> {
  const app = express();
  const server = createServer(app);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const customers = new Map<string, string>();
  const standIn: StripeStandIn = {
    url: `http://127.0.0.1:${port}`,
    calls: [],
    objects: new Map(),
    fault: null,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  const send = (res: Response, status: number, body: object) => {
    res
      .status(status)
      .set("Request-Id", "req_standin")
      .set("Stripe-Version", "2026-10-28.endive")
      .json(body);
  };
  const refuse = (
    res: Response,
    status: number,
    error: Record<string, unknown>,
  ) => {
    send(res, status, { error });
  };

  app.use(express.urlencoded({ extended: false }), (req, res, next) => {
    if (req.headers.authorization !== `Bearer ${STAND_IN_KEY}`) {
      refuse(res, 401, { type: "invalid_request_error", message: "No key" });
      return;
    }
    standIn.calls.push({
      method: req.method,
      path: req.path,
      form: { ...((req.body ?? {}) as Record<string, string>) },
      idempotencyKey: req.get("idempotency-key"),
    });
    if (standIn.fault !== null) {
      // Not tried again: the test is about the answer.
      res.set("Stripe-Should-Retry", "false");
      refuse(res, standIn.fault.status, standIn.fault.error);
    } else next();
  });
  app.post("/v1/customers", (req, res) => {
    const key = req.get("idempotency-key") ?? "";
    const id = customers.get(key) ?? `cus_made${customers.size + 1}`;
    customers.set(key, id);
    send(res, 200, { id, object: "customer", livemode: false });
  });
  app.post("/v1/checkout/sessions", (_req, res) => {
    send(res, 200, {
      id: "cs_test_1",
      object: "checkout.session",
      url: "https://checkout.stripe.example/c/pay/cs_test_1",
    });
  });
  app.post("/v1/billing_portal/sessions", (_req, res) => {
    send(res, 200, {
      id: "bps_1",
      object: "billing_portal.session",
      url: "https://billing.stripe.example/p/session/bps_1",
    });
  });
  app.get(
    ["/v1/subscriptions/:id", "/v1/invoices/:id"],
    (req: Request<{ id: string }>, res) => {
      const object = standIn.objects.get(req.params.id);
      if (object !== undefined) send(res, 200, object);
      else {
        refuse(res, 404, {
          type: "invalid_request_error",
          code: "resource_missing",
          message: `No such object: '${req.params.id}'`,
          param: "id",
        });
      }
    },
  );
  app.use((_req, res) => {
    refuse(res, 404, {
      type: "invalid_request_error",
      message: "Unrecognized request URL",
    });
  });
  return standIn;
}
