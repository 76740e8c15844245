import { setTimeout as sleep } from "node:timers/promises";

import express, { type Express, type Request, type Response } from "express";

import type { AppDeps } from "../app.ts";
import { AppError } from "../errors.ts";
import { readObject, readOptionalText, readText } from "../http/readBody.ts";
import { type Actor, ANONYMOUS_ROLE } from "./actor.ts";
import { Gate } from "./Gate.ts";
import { hashToken, newToken, type Token } from "./token.ts";

/** How long asking for a new password takes at the least. */
const RESET_ANSWER_MS = 150;
/** Longer than any address; what is longer is refused before the database. */
const EMAIL_LENGTH = 320;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

type CheckRow = {
  outcome: "OK" | "LOGIN" | "LOCKD";
  user_id: string | null;
  retry_after_seconds: number | null;
};

type Person = {
  user: {
    id: string;
    email: string | null;
    displayName: string;
    timezone: string;
  };
  staffRole: string | null;
  brands: { id: string; slug: string; name: string; role: string }[];
  brandId: string | null;
};

/** Sessions of the admin: sign in, out, switch brand, reset, accept. */
export function installAuthRoutes(app: Express, deps: AppDeps): void {
  const { cookie, pools, limiters } = deps;
  const db = pools.app;
  // Four sign-ins hash at once; twenty more may wait.
  const gate = new Gate(4, 20);
  const router = express.Router();

  /** The hash of the cookie a request came with, valid or not. */
  const currentHash = (req: Request) => hashToken(cookie.read(req));

  const sessionHash = (req: Request): Buffer => {
    const { sessionId } = req.actor;
    if (sessionId == null) throw new AppError("LOGIN");
    return Buffer.from(sessionId, "hex");
  };

  /** Answers with who is asking now, after what the route changed. */
  const sendSession = async (res: Response, actor: Actor) => {
    const person = await describe(actor);
    res.json({
      user: null,
      staffRole: null,
      brands: [],
      brandId: null,
      ...person,
      role: person === null ? ANONYMOUS_ROLE : actor.role,
      demo: deps.demoAccounts.length > 0,
      ...(deps.demoAccounts.length > 0
        ? { demoAccounts: deps.demoAccounts }
        : {}),
    });
  };

  const describe = async (actor: Actor): Promise<Person | null> => {
    if (actor.userId === null) return null;
    const { rows } = await db.query<{ person: Person | null }>(
      "select app_private.describe_person($1, $2) as person",
      [actor.userId, actor.brandId],
    );
    return rows[0]?.person ?? null;
  };

  /** The browser gets the new token; the answer is that of the new session. */
  const startSession = async (
    req: Request,
    res: Response,
    { token, hash }: Token,
  ) => {
    cookie.set(res, token);
    await sendSession(res, await deps.actors.ofSession(hash, req.requestId));
  };

  router.use((_req, res, next) => {
    res.setHeader("Cache-Control", "no-store");
    next();
  });

  router.get("/session", async (req, res) => {
    if (req.actor.userId === null && cookie.read(req) !== null) {
      cookie.clear(res);
    }
    await sendSession(res, req.actor);
  });

  router.post("/login", async (req, res) => {
    const body = readObject(req.body);
    const email = readText(body, "email", EMAIL_LENGTH);
    const password = readText(body, "password");
    await limiters.signIn(req.ip, email);
    const session = newToken();
    const check = await gate.run(() =>
      queryCheck("select * from app_private.sign_in($1, $2, $3, $4)", [
        email,
        password,
        session.hash,
        currentHash(req),
      ]),
    );
    assertChecked(check, "The e-mail address or the password is wrong");
    await startSession(req, res, session);
  });

  router.post("/logout", async (req, res) => {
    const hash = currentHash(req);
    if (hash !== null) {
      await db.query("select app_private.sign_out($1)", [hash]);
    }
    cookie.clear(res);
    res.status(204).end();
  });

  router.post("/brand", async (req, res) => {
    const body = readObject(req.body);
    const brandId = readOptionalText(body, "brandId");
    if (brandId !== null && !UUID.test(brandId)) {
      throw new AppError("INVAL", "This is not the id of a brand", {
        field: "brandId",
      });
    }
    const hash = sessionHash(req);
    await db.query("select app_private.switch_brand($1, $2)", [hash, brandId]);
    await sendSession(res, await deps.actors.ofSession(hash, req.requestId));
  });

  router.post("/password", async (req, res) => {
    const body = readObject(req.body);
    const oldPassword = readText(body, "oldPassword");
    const newPassword = readText(body, "newPassword");
    const oldHash = sessionHash(req);
    await limiters.signIn(req.ip, req.actor.userId ?? "");
    const session = newToken();
    const check = await gate.run(() =>
      queryCheck("select * from app_private.change_password($1, $2, $3, $4)", [
        oldHash,
        oldPassword,
        newPassword,
        session.hash,
      ]),
    );
    // Still signed in, so not LOGIN, which would send the admin to its door.
    if (check.outcome === "LOGIN") {
      throw new AppError("INVAL", "The present password is wrong", {
        field: "oldPassword",
      });
    }
    assertChecked(check, "");
    await startSession(req, res, session);
  });

  router.post("/reset", async (req, res) => {
    const body = readObject(req.body);
    if (body["token"] === undefined) {
      const email = readText(body, "email", EMAIL_LENGTH);
      await limiters.signIn(req.ip, email);
      // The same whether or not anybody has this address, and as late: writing a
      // request down and queueing its mail takes some milliseconds more than not to.
      await Promise.all([
        db.query("select app_private.request_password_reset($1)", [email]),
        sleep(RESET_ANSWER_MS),
      ]);
      res.status(202).json({ accepted: true });
      return;
    }
    await limiters.signIn(req.ip, "reset");
    const hash = hashToken(body["token"]);
    const password = readText(body, "password");
    if (hash === null) throw new AppError("EXPRD");
    await gate.run(() =>
      db.query("select app_private.reset_password($1, $2)", [hash, password]),
    );
    cookie.clear(res);
    res.status(204).end();
  });

  router.post("/invitation", async (req, res) => {
    await limiters.signIn(req.ip, "invitation");
    const hash = hashToken(readObject(req.body)["token"]);
    const { rows } = await db.query<{
      brand_name: string;
      email: string;
      role: string;
      user_id: string | null;
    }>(
      "select brand_name, email, role, user_id from app_private.pending_invitation($1)",
      [hash],
    );
    const [pending] = rows;
    if (pending === undefined) {
      throw new AppError(
        "EXPRD",
        "This invitation has been used, taken back or has expired",
        { hint: "Ask the person who invited you for a new link" },
      );
    }
    res.json({
      brandName: pending.brand_name,
      email: pending.email,
      role: pending.role,
      hasAccount: pending.user_id !== null,
    });
  });

  router.post("/accept-invite", async (req, res) => {
    const body = readObject(req.body);
    await limiters.signIn(req.ip, "invitation");
    const session = newToken();
    await gate.run(() =>
      db.query(
        "select * from app_private.accept_invitation($1, $2, $3, $4, $5)",
        [
          hashToken(body["token"]),
          currentHash(req),
          readOptionalText(body, "displayName", 100),
          readOptionalText(body, "password"),
          session.hash,
        ],
      ),
    );
    await startSession(req, res, session);
  });

  async function queryCheck(
    text: string,
    values: unknown[],
  ): Promise<CheckRow> {
    const { rows } = await db.query<CheckRow>(text, values);
    const [row] = rows;
    if (row === undefined) throw new Error("The sign-in check gave no row");
    return row;
  }

  app.use("/auth", router);
}

function assertChecked(check: CheckRow, message: string): void {
  if (check.outcome === "LOCKD") {
    const seconds = check.retry_after_seconds ?? 900;
    throw new AppError("LOCKD", "Too many tries with this e-mail address", {
      hint: `Wait ${Math.ceil(seconds / 60)} minutes, then try again`,
      retryAfter: seconds,
    });
  }
  if (check.outcome === "LOGIN") {
    throw new AppError("LOGIN", message, {
      hint: "Check both, or ask for a new password",
    });
  }
}
