import { mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { silentLog } from "../../server/db/log.ts";
import { Liveness } from "../../server/worker/Liveness.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import type { Answer } from "../helpers/http.ts";
import { type Mailbox, startMailbox } from "../helpers/mailbox.ts";
import { makePeople, PASSWORD, type People } from "../helpers/people.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";

let db: TestDatabase;
let people: People;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
});

afterAll(() => db?.drop());

/** As the worker's own role, which owns the queue. */
async function queue(
  task: string,
  payload: object,
  lockedBy: string | null = null,
): Promise<string> {
  const { rows } = await db.worker.query<{ id: string }>(
    "select id from graphile_worker.add_job($1, payload => $2::json)",
    [task, JSON.stringify(payload)],
  );
  const id = rows[0]?.id ?? "";
  if (lockedBy !== null) {
    await db.worker.query(
      "update graphile_worker._private_jobs set locked_by = $2, locked_at = now() - interval '5 seconds', attempts = 1 where id = $1",
      [id, lockedBy],
    );
  }
  return id;
}

const lockOf = async (id: string) => {
  const { rows } = await db.worker.query<{ locked_by: string | null }>(
    "select locked_by from graphile_worker._private_jobs where id = $1",
    [id],
  );
  return rows[0]?.locked_by;
};

async function done(id: string): Promise<void> {
  while ((await lockOf(id)) !== undefined) await sleep(50);
}

describe("mails", () => {
  let mailbox: Mailbox;
  let server: TestHttpServer;

  beforeAll(async () => {
    mailbox = await startMailbox();
    server = await startTestServer(db, {
      worker: "in-process",
      smtpUrl: mailbox.url,
      rootUrl: "https://admin.example.com",
    });
  });

  afterAll(async () => {
    await server?.close();
    await mailbox?.close();
  });

  const origin = { origin: "https://admin.example.com" };
  const post = (path: string, body: object): Promise<Answer> =>
    server.client().post(path, body, origin);

  it("a reset is mailed to the person alone, and its link sets a new password", async () => {
    await post("/auth/reset", { email: "nobody@people.test" });
    await post("/auth/reset", { email: people.shopper.email });
    const mail = await mailbox.next(people.shopper.email);
    expect(mail.text).toMatch(/^From: .*no-reply@closetai\.test/m);
    const token =
      /https:\/\/admin\.example\.com\/admin\/reset#token=([A-Za-z0-9_-]{43})\b/.exec(
        mail.text,
      )?.[1];
    expect(token).toBeDefined();
    expect(mailbox.mails).toEqual([]);
    // The queue never held it, nor does any table.
    const { rows } = await db.root.query<{ found: boolean }>(
      "select exists (select from app_private.password_resets p where p::text like '%' || $1 || '%') or exists (select from graphile_worker._private_jobs j where j::text like '%' || $1 || '%') as found",
      [token],
    );
    expect(rows[0]?.found).toBe(false);
    expect(
      (await post("/auth/reset", { token, password: "a password set by mail" }))
        .status,
    ).toBe(204);
    expect(
      (
        await post("/auth/login", {
          email: people.shopper.email,
          password: "a password set by mail",
        })
      ).status,
    ).toBe(200);
  });

  it("asking again within a minute sends one mail", async () => {
    for (let i = 0; i < 3; i++)
      await post("/auth/reset", { email: people.viewer.email });
    await mailbox.next(people.viewer.email);
    let waiting = 1;
    while (waiting > 0) {
      const { rows } = await db.worker.query(
        "select from graphile_worker.jobs where task_identifier = 'send_password_reset'",
      );
      waiting = rows.length;
    }
    expect(mailbox.mails).toEqual([]);
  });

  it("an invitation goes to the invited address; the inviter gets no link", async () => {
    const owner = server.client();
    const signIn = await owner.post(
      "/auth/login",
      { email: people.stranger.email, password: PASSWORD },
      origin,
    );
    expect(signIn.status).toBe(200);
    const { data, errors } = await owner.graphql(
      `mutation { inviteMember(input: { email: "mailed@people.test", role: analyst }) { result { token } } }`,
      {},
      origin,
    );
    expect(errors).toEqual([]);
    expect(data).toEqual({ inviteMember: { result: { token: null } } });
    const mail = await mailbox.next("mailed@people.test");
    expect(mail.text).toContain("as analyst");
    const token = /\/admin\/accept-invite#token=([A-Za-z0-9_-]{43})\b/.exec(
      mail.text,
    )?.[1];
    const accepted = await post("/auth/accept-invite", {
      token,
      displayName: "Mailed",
      password: "a password set by mail",
    });
    expect(accepted.json).toMatchObject({
      role: "closetai_analyst",
      brandId: people.denim,
    });
  });
});

describe("the worker", () => {
  it("deletes what has run out, rows and bytes, and keeps the rest", async () => {
    const server = await startTestServer(db, { worker: "in-process" });
    try {
      await db.root.query(
        `insert into app_public.storage_objects (key, owner_brand_id, kind, content_type, created_at)
         values ('garment/old.png', $1, 'garment', 'image/png', now() - interval '2 days'),
                ('garment/new.png', $1, 'garment', 'image/png', now())`,
        [people.lumiere],
      );
      mkdirSync(join(server.dataDir, "files", "garment"), { recursive: true });
      for (const name of ["old.png", "new.png"])
        writeFileSync(join(server.dataDir, "files", "garment", name), name);
      mkdirSync(join(server.dataDir, "uploads"), { recursive: true });
      for (const name of ["old.part", "new.part"])
        writeFileSync(join(server.dataDir, "uploads", name), name);
      const twoDaysAgo = Date.now() / 1_000 - 2 * 86_400;
      utimesSync(
        join(server.dataDir, "uploads", "old.part"),
        twoDaysAgo,
        twoDaysAgo,
      );
      await db.root.query(
        `insert into app_private.sessions (token_hash, user_id, created_at, last_seen_at, expires_at)
         select sha256(x::text::bytea), $1, now() - interval '40 days', now() - x * interval '10 days', now() - interval '10 days'
         from generate_series(1, 3) x`,
        [people.support.id],
      );
      await db.root.query(
        "insert into app_private.login_throttle (email, updated_at) values ('old@x.test', now() - interval '2 days'), ('new@x.test', now())",
      );

      await done(await queue("clean_up", {}));

      const { rows: objects } = await db.root.query(
        "select key from app_public.storage_objects",
      );
      expect(objects).toEqual([{ key: "garment/new.png" }]);
      expect(readdirSync(join(server.dataDir, "files", "garment"))).toEqual([
        "new.png",
      ]);
      expect(readdirSync(join(server.dataDir, "uploads"))).toEqual([
        "new.part",
      ]);
      const { rows: sessions } = await db.root.query<{ count: string }>(
        "select count(*) from app_private.sessions where user_id = $1",
        [people.support.id],
      );
      expect(sessions[0]?.count).toBe("1");
      const { rows: throttled } = await db.root.query(
        "select email from app_private.login_throttle where email like '%@x.test'",
      );
      expect(throttled).toEqual([{ email: "new@x.test" }]);
    } finally {
      await server.close();
    }
  });

  it("at start does the jobs a killed worker had taken", async () => {
    const id = await queue("ensure_partitions", {}, "pool-of-the-dead");
    const server = await startTestServer(db, { worker: "in-process" });
    try {
      await done(id);
    } finally {
      await server.close();
    }
  });

  it("leaves the jobs of a worker that lives alone", async () => {
    const log = { ...silentLog, info: () => undefined, warn: () => undefined };
    const living = new Liveness(db.urls.worker, log);
    const second = new Liveness(db.urls.worker, log);
    const third = new Liveness(db.urls.worker, log);
    try {
      await living.hold("pool-of-the-living");
      const id = await queue("ensure_partitions", {}, "pool-of-the-living");
      await second.start();
      expect(await lockOf(id)).toBe("pool-of-the-living");
      // Its connection ends as it would with its process.
      await living.stop();
      await third.start();
      expect(await lockOf(id)).toBeNull();
    } finally {
      await Promise.all([living.stop(), second.stop(), third.stop()]);
    }
  });

  it("holds a job that cannot succeed back, with its error, and does the others", async () => {
    const server = await startTestServer(db, { worker: "in-process" });
    try {
      const poison = await queue("send_invitation", { nothing: "useful" });
      const good = await queue("ensure_partitions", {});
      await done(good);
      let error: string | null = null;
      while (error === null) {
        await sleep(50);
        const { rows } = await db.worker.query<{
          last_error: string | null;
          later: boolean;
        }>(
          "select last_error, run_at > now() as later from graphile_worker.jobs where id = $1",
          [poison],
        );
        error = rows[0]?.last_error ?? null;
        if (error !== null) expect(rows[0]?.later).toBe(true);
      }
      expect(error).toContain("SMTP_URL is not set");
    } finally {
      await server.close();
    }
  });
});
