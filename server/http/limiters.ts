import type { Request } from "express";
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

import type { Actor } from "../auth/actor.ts";
import type { Config } from "../config.ts";
import { AppError } from "../errors.ts";

/** Who asks, over HTTP or a websocket. */
type Asking = Pick<Request, "ip"> & { actor: Pick<Actor, "userId"> };

/** How often somebody may ask; each throws RATED with the seconds to wait. */
export type Limiters = {
  /** By address, and by address and what is being guessed at. */
  signIn(address: string | undefined, subject: string): Promise<void>;
  /** By person, or by address when nobody is signed in. */
  api(req: Asking): Promise<void>;
  /** By worker key; and by address, which may not try key after key. */
  worker(address: string | undefined, key: string): Promise<void>;
  /** Counts a worker key that nobody has against the address it came from. */
  workerRefused(address: string | undefined): Promise<void>;
};

/**
 * Kept in memory: each process counts for itself. The lock-out of an account,
 * which must hold everywhere, is kept in the database.
 */
export function makeLimiters(config: Pick<Config, "limits">): Limiters {
  const { signInsPerMinute, requestsPerMinute, workerRequestsPerMinute } =
    config.limits;
  const byAddress = new RateLimiterMemory({
    points: signInsPerMinute,
    duration: 60,
  });
  const bySubject = new RateLimiterMemory({
    points: Math.max(1, Math.ceil((signInsPerMinute * 2) / 3)),
    duration: 60,
  });
  const api = new RateLimiterMemory({
    points: requestsPerMinute,
    duration: 60,
  });
  const byWorkerKey = new RateLimiterMemory({
    points: workerRequestsPerMinute,
    duration: 60,
  });
  const refusedKeys = new RateLimiterMemory({
    points: requestsPerMinute,
    duration: 60,
  });
  return {
    signIn: async (address, subject) => {
      const key = addressKey(address);
      await consume(byAddress, key);
      await consume(bySubject, `${key} ${subject.trim().toLowerCase()}`);
    },
    api: (req) =>
      consume(
        api,
        req.actor.userId === null
          ? `address ${addressKey(req.ip)}`
          : `person ${req.actor.userId}`,
      ),
    worker: async (address, key) => {
      const refused = await refusedKeys.get(addressKey(address));
      if (refused !== null && refused.remainingPoints <= 0) {
        throw rated(refused);
      }
      await consume(byWorkerKey, key);
    },
    workerRefused: async (address) => {
      await refusedKeys.penalty(addressKey(address));
    },
  };
}

async function consume(limiter: RateLimiterMemory, key: string): Promise<void> {
  try {
    await limiter.consume(key);
  } catch (error) {
    if (!(error instanceof RateLimiterRes)) throw error;
    throw rated(error);
  }
}

function rated({ msBeforeNext }: RateLimiterRes): AppError {
  return new AppError("RATED", "Too many requests", {
    retryAfter: Math.max(1, Math.ceil(msBeforeNext / 1_000)),
  });
}

/** One household or server holds a whole /64 of IPv6: it counts as one. */
export function addressKey(address: string | undefined): string {
  if (address === undefined) return "unknown";
  const v4 = /^(?:::ffff:)?(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  if (v4 !== undefined) return v4;
  const [head = "", tail = ""] = address.split("%", 1)[0]?.split("::") ?? [];
  const front = head === "" ? [] : head.split(":");
  const back = tail === "" ? [] : tail.split(":");
  const zeros = address.includes("::")
    ? Array<string>(Math.max(0, 8 - front.length - back.length)).fill("0")
    : [];
  return [...front, ...zeros, ...back].slice(0, 4).join(":");
}
