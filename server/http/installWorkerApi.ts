import express, { type Express, type RequestHandler } from "express";

import type { AppDeps } from "../app.ts";
import { errorCode } from "../db/errorCode.ts";
import { AppError } from "../errors.ts";
import { jsonOnly, makeJsonBody } from "./jsonBody.ts";
import {
  readInteger,
  readNumber,
  readObject,
  readOptionalBoolean,
  readOptionalInteger,
  readOptionalText,
  readText,
  refuseOtherFields,
} from "./readBody.ts";
import { makeWorkerCalls, type WorkerCaller } from "./workerCalls.ts";
import { readWorkerKey } from "./workerKey.ts";

type Call = (
  caller: WorkerCaller,
  body: Record<string, unknown>,
  jobId: string,
) => Promise<unknown>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DEFAULT_LEASE_SECONDS = 60;

/**
 * How a GPU service elsewhere takes try-on jobs and delivers them. It comes with
 * a worker key and is nobody else: no session, no role, no GraphQL. The database
 * checks key and lease at each call.
 */
export function installWorkerApi(app: Express, deps: AppDeps): void {
  const calls = makeWorkerCalls(deps);
  const router = express.Router();

  const answer = (fields: readonly string[], call: Call): RequestHandler => {
    const known = [...fields, "worker"];
    return async (req, res) => {
      const body = readObject(req.body);
      refuseOtherFields(body, known);
      const jobId = String(req.params["id"] ?? "");
      if ("id" in req.params && !UUID.test(jobId)) {
        throw new AppError("NTFND", "There is no such job", { field: "jobId" });
      }
      const caller: WorkerCaller = {
        keyHash: res.locals["workerKeyHash"] as Buffer,
        instance: readOptionalText(body, "worker", 100),
      };
      try {
        res.json(await call(caller, body, jobId));
      } catch (error) {
        if (errorCode(error) === "LOGIN") {
          await deps.limiters.workerRefused(req.ip);
        }
        throw error;
      }
    };
  };

  router.use(postOnly, jsonOnly);
  // Who comes without a key is turned away before the body is read.
  router.use((req, res, next) => {
    res.setHeader("Cache-Control", "no-store");
    const key = readWorkerKey(req.headers.authorization);
    res.locals["workerKeyHash"] = key;
    deps.limiters.worker(req.ip, key.toString("hex")).then(() => {
      next();
    }, next);
  });
  router.use(...makeJsonBody(deps.config.limits));

  router.post(
    "/claim",
    answer(["n", "leaseSeconds"], async (caller, body) => ({
      jobs: await calls.claim(
        caller,
        readOptionalInteger(body, "n") ?? 1,
        readOptionalInteger(body, "leaseSeconds") ?? DEFAULT_LEASE_SECONDS,
      ),
    })),
  );
  router.post(
    "/jobs/:id/heartbeat",
    answer(["attempt", "leaseSeconds"], (caller, body, jobId) =>
      calls.heartbeat(
        caller,
        { jobId, attempt: readInteger(body, "attempt") },
        readOptionalInteger(body, "leaseSeconds") ?? DEFAULT_LEASE_SECONDS,
      ),
    ),
  );
  router.post(
    "/jobs/:id/result",
    answer(["attempt", "contentType", "bytes"], (caller, body, jobId) =>
      calls.result(
        caller,
        { jobId, attempt: readInteger(body, "attempt") },
        {
          contentType: readText(body, "contentType", 100),
          bytes: readInteger(body, "bytes"),
        },
      ),
    ),
  );
  router.post(
    "/jobs/:id/complete",
    answer(
      ["attempt", "resultKey", "confidence", "processingMs"],
      (caller, body, jobId) =>
        calls.complete(
          caller,
          { jobId, attempt: readInteger(body, "attempt") },
          {
            resultKey: readText(body, "resultKey", 200),
            confidence: readNumber(body, "confidence"),
            processingMs: readInteger(body, "processingMs"),
          },
        ),
    ),
  );
  router.post(
    "/jobs/:id/fail",
    answer(
      ["attempt", "errorCode", "retryable", "processingMs"],
      (caller, body, jobId) =>
        calls.fail(
          caller,
          { jobId, attempt: readInteger(body, "attempt") },
          {
            errorCode: readText(body, "errorCode", 100),
            retryable: readOptionalBoolean(body, "retryable") ?? true,
            processingMs: readOptionalInteger(body, "processingMs"),
          },
        ),
    ),
  );

  // What follows reads the authorization as a person's.
  router.use((_req, _res, next) => {
    next(new AppError("NTFND", "There is nothing at this address"));
  });

  app.use("/worker", router);
}

const postOnly: RequestHandler = (req, res, next) => {
  if (req.method === "POST") {
    next();
    return;
  }
  res.set("Allow", "POST");
  next(new AppError("METHD"));
};
