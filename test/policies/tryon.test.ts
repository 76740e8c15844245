import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import {
  type ActorName,
  actorNames,
  as,
  column,
  outcomeOf,
} from "../helpers/actors.ts";
import {
  becomeActor,
  createTestDatabase,
  type TestDatabase,
  withRollback,
  withRoot,
} from "../helpers/database.ts";
import {
  brands,
  createWorld,
  entitlements,
  files,
  items,
  jobs,
  keys,
  people,
  products,
} from "../helpers/world.ts";

/** Who may call what of try-ons and credits, and on whose rows. */

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
  const root = await db.root.connect();
  try {
    await createWorld(root);
    for (const job of ["neighbour's of B", "B's own"] as const) {
      await root.query(
        `update app_public.tryon_jobs set status = 'processing', locked_by = 'world',
                locked_until = now() + interval '1 minute' where id = $1`,
        [jobs[job]],
      );
      await root.query(
        "update app_public.tryon_jobs set status = 'failed', error_code = 'NO_BODY_FOUND' where id = $1",
        [jobs[job]],
      );
    }
  } finally {
    root.release();
  }
});

afterAll(() => db.drop());

const staff = ["support", "finance", "privacy", "admin"] as const;
const shoppers = ["shopper", "neighbour", "both off duty"] as const;
const managersOfA = ["A.manager", "A.owner"] as const;
const managersOfB = ["B.manager", "B.owner", "both in B"] as const;
const analysts = [
  "A.analyst",
  "both in A",
  "B.analyst",
  ...managersOfA,
  ...managersOfB,
] as const;

type Case = {
  title: string;
  sql: string;
  values: unknown[];
  /** Who gets what; whoever is not named has no right to call it at all. */
  outcomes: [string, readonly ActorName[]][];
};

const reason = "Ticket 4711: the picture was upside down";
const cancel = "select app_public.cancel_tryon($1)";
const retry = "select app_public.retry_tryon($1)";

const CASES: Case[] = [
  {
    title: "request_tryon with the shopper's selfie",
    sql: "select app_public.request_tryon('new', 'tops', $1, array[$2]::uuid[])",
    values: [files["shopper.selfie"], products["A.tee"]],
    outcomes: [
      ["ok", ["shopper"]],
      ["NTFND", ["neighbour", "both off duty"]],
    ],
  },
  {
    title: "request_tryon with the shopper's coat and the neighbour's selfie",
    sql: "select app_public.request_tryon('new', 'jackets', $1, '{}', array[$2]::uuid[])",
    values: [files["neighbour.selfie"], items["shopper.coat"]],
    outcomes: [["NTFND", shoppers]],
  },
  {
    title: "request_tryon with a product that is not on offer",
    sql: "select app_public.request_tryon('new', 'tops', $1, array[$2]::uuid[])",
    values: [files["shopper.selfie"], products["A.draft"]],
    outcomes: [["NTFND", shoppers]],
  },
  {
    title: "request_brand_tryon of A",
    sql: "select app_public.request_brand_tryon('new', 'tops', $1, array[$2]::uuid[])",
    values: [files["A.selfie"], products["A.tee"]],
    outcomes: [
      ["ok", managersOfA],
      ["NTFND", managersOfB],
    ],
  },
  {
    title: "request_brand_tryon with a selfie of A and a product of B",
    sql: "select app_public.request_brand_tryon('new', 'tops', $1, array[$2]::uuid[])",
    values: [files["A.selfie"], products["B.tee"]],
    outcomes: [["NTFND", [...managersOfA, ...managersOfB]]],
  },
  {
    title: "cancel_tryon of what the shopper pays, of a product of B",
    sql: cancel,
    values: [jobs["shopper's of B"]],
    outcomes: [
      ["ok", ["shopper", "support"]],
      ["DNIED", managersOfB],
      ["NTFND", ["neighbour", "both off duty", ...managersOfA]],
    ],
  },
  {
    title: "cancel_tryon of what A pays",
    sql: cancel,
    values: [jobs["A's own"]],
    outcomes: [
      ["ok", [...managersOfA, "support"]],
      ["NTFND", [...shoppers, ...managersOfB]],
    ],
  },
  {
    title: "cancel_tryon of what is done",
    sql: cancel,
    values: [jobs["shopper's of A"]],
    outcomes: [
      ["STATE", ["shopper", "support"]],
      ["DNIED", managersOfA],
      ["NTFND", ["neighbour", "both off duty", ...managersOfB]],
    ],
  },
  {
    title: "retry_tryon of what B paid",
    sql: retry,
    values: [jobs["B's own"]],
    outcomes: [
      ["ok", [...managersOfB, "support"]],
      ["NTFND", [...shoppers, ...managersOfA]],
    ],
  },
  {
    title: "retry_tryon of what the neighbour paid, of a product of B",
    sql: retry,
    values: [jobs["neighbour's of B"]],
    outcomes: [
      ["ok", ["neighbour", "support"]],
      ["DNIED", managersOfB],
      ["NTFND", ["shopper", "both off duty", ...managersOfA]],
    ],
  },
  {
    title: "refund_tryon",
    sql: "select app_public.refund_tryon($1, $2)",
    values: [jobs["shopper's of A"], reason],
    outcomes: [["ok", ["support", "finance"]]],
  },
  {
    title: "adjust_credits",
    sql: "select app_public.adjust_credits(5, $1, 'new', user_id => $2)",
    values: [reason, people.shopper],
    outcomes: [["ok", ["finance"]]],
  },
  {
    title: "grant_pro",
    sql: "select app_public.grant_pro($1, now(), now() + interval '1 month', $2)",
    values: [people.shopper, reason],
    outcomes: [["ok", ["finance"]]],
  },
  {
    title: "end_pro",
    sql: "select app_public.end_pro($1, $2)",
    values: [entitlements["neighbour.pro"], reason],
    // It was for a month that is over: finance is told so, others nothing.
    outcomes: [["STATE", ["finance"]]],
  },
  {
    title: "reconcile_credits",
    sql: "select * from app_public.reconcile_credits()",
    values: [],
    outcomes: [["ok", ["finance", "admin"]]],
  },
  {
    title: "create_worker_key",
    sql: "select app_public.create_worker_key('new-key')",
    values: [],
    outcomes: [["ok", ["admin"]]],
  },
  {
    title: "revoke_worker_key",
    sql: "select app_public.revoke_worker_key($1)",
    values: [keys.key],
    outcomes: [["ok", ["admin"]]],
  },
  ...[
    "tryon_queue()",
    "tryon_throughput(5)",
    "tryon_failures(60)",
    "tryon_category_speed(60)",
  ].map((call): Case => ({
    title: call,
    sql: `select * from app_public.${call}`,
    values: [],
    outcomes: [["ok", staff]],
  })),
  {
    title: "wallet_forecast",
    sql: "select * from app_public.wallet_forecast(brand_id => $1)",
    values: [brands.A],
    outcomes: [["ok", [...shoppers, ...analysts, ...staff]]],
  },
];

describe.each(CASES)("$title", ({ sql, values, outcomes }) => {
  it.each(actorNames)("by %s", async (name) => {
    const expected =
      outcomes.find(([, names]) => names.includes(name))?.[0] ?? "42501";
    expect(
      await as(db, name, (client) => outcomeOf(client.query(sql, values))),
    ).toBe(expected);
  });
});

describe("a function of staff", () => {
  it.each([
    "adjust_credits",
    "grant_pro",
    "end_pro",
    "refund_tryon",
    "reconcile_credits",
    "create_worker_key",
    "revoke_worker_key",
  ])(
    "%s refuses somebody who claims the role and is no longer staff",
    async (name) => {
      const found = CASES.find(({ title }) => title === name);
      const [, allowed = []] = found?.outcomes[0] ?? [];
      for (const role of allowed) {
        const outcome = await as(
          db,
          {
            login: "app",
            actor: { role: `closetai_staff_${role}`, userId: people.shopper },
          },
          (client) => outcomeOf(client.query(found?.sql ?? "", found?.values)),
        );
        expect({ role, outcome }).toEqual({ role, outcome: "DNIED" });
      }
    },
  );
});

describe("a worker key", () => {
  it("in use leaves nothing in the audit trail; revoked, it does", async () => {
    await withRoot(db, async (root) => {
      const trail = () =>
        column(
          root,
          "select count(*) from app_public.audit_log where table_name = 'worker_keys' and action = 'update'",
        );
      const before = await trail();
      await root.query(
        "update app_public.worker_keys set last_used_at = now() where id = $1",
        [keys.key],
      );
      expect(await trail()).toEqual(before);
      await root.query(
        "update app_public.worker_keys set revoked_at = now() where id = $1",
        [keys.key],
      );
      expect(await trail()).toEqual([String(Number(before[0]) + 1)]);
    });
  });
});

describe("wallet_forecast", () => {
  it("of A's wallet tells its analyst, and an analyst of B nothing", async () => {
    const left = (name: ActorName): Promise<string[]> =>
      as(db, name, (client) =>
        column(
          client,
          "select remaining from app_public.wallet_forecast(brand_id => $1)",
          [brands.A],
        ),
      );
    expect(await left("A.analyst")).toEqual(["98"]);
    expect(await left("finance")).toEqual(["98"]);
    expect(await left("B.analyst")).toEqual(["0"]);
    expect(await left("shopper")).toEqual(["0"]);
  });
});

describe("what a brand sees of a shopper's try-on", () => {
  type Shown = { id: string; shopper: string; result_key: string | null };
  const shown = (name: ActorName): Promise<Shown[]> =>
    as(db, name, async (client) => {
      const { rows } = await client.query<Shown>(
        "select * from app_public.brand_tryon_jobs",
      );
      return rows;
    });

  it("holds no person, no selfie and no result", async () => {
    for (const view of ["jobs", "garments", "attempts", "feedback"]) {
      const { fields } = await as(db, "A.owner", (client) =>
        client.query(`select * from app_public.brand_tryon_${view}`),
      );
      const names = fields.map((field) => field.name);
      expect(names).not.toContain("user_id");
      expect(names).not.toContain("selfie_key");
      expect(names).not.toContain("wardrobe_item_id");
      expect(names).not.toContain("worker");
    }
    const rows = await shown("A.owner");
    const told = JSON.stringify(rows);
    for (const secret of [
      people.shopper,
      files["shopper.selfie"],
      files["shopper.result"],
      files["A.selfie"],
    ]) {
      expect(told).not.toContain(secret);
    }
    const resultOf = (id: string): string | null | undefined =>
      rows.find((row) => row.id === id)?.result_key;
    expect(resultOf(jobs["shopper's of A"])).toBeNull();
    expect(resultOf(jobs["A's finished"])).toBe(files["A.result"]);
  });

  it("names the shopper by one handle within a brand, and another in each brand", async () => {
    const handle = (rows: Shown[], id: string): string | undefined =>
      rows.find((row) => row.id === id)?.shopper;
    const inA = await shown("A.viewer");
    const inB = await shown("B.viewer");
    const ofA = handle(inA, jobs["shopper's of A"]);
    const ofB = handle(inB, jobs["shopper's of B"]);
    expect(ofA).toMatch(/^[0-9a-f-]{36}$/);
    expect(ofB).toMatch(/^[0-9a-f-]{36}$/);
    expect(ofA).not.toBe(ofB);
    expect(handle(inB, jobs["shopper's unrated"])).toBe(ofB);
    expect(handle(inA, jobs["neighbour's of A"])).not.toBe(ofA);
    expect([ofA, ofB]).not.toContain(people.shopper);
  });

  /** What B's viewer sees after these statements, which are undone. */
  const feedbackAfter = (...statements: string[]) =>
    withRoot(db, async (root) => {
      for (const sql of statements) await root.query(sql);
      await becomeActor(root, {
        role: "closetai_viewer",
        userId: people["B.viewer"],
        brandId: brands.B,
      });
      const { rows } = await root.query(
        "select rated::text, accurate::text, mean_rating from app_public.brand_tryon_feedback",
      );
      return rows as Record<string, string | null>[];
    });
  const PUBLISH = "select app_private.publish_feedback()";
  /** A new vote of each of so many shoppers of B, the first by job. */
  const votes = (count: number, vote: string) =>
    `update app_public.tryon_feedback set ${vote} where job_id in (
       select job_id from app_public.tryon_feedback where brand_id = '${brands.B}' order by job_id limit ${count})`;
  /** As if nothing of this had been published of B: all is new. */
  const REPUBLISHED = `update app_private.published_feedback set accurate = null, rating = 1 where job_id in (
    select job_id from app_public.tryon_feedback where brand_id = '${brands.B}')`;
  const AT_FIRST = { rated: "11", accurate: "11", mean_rating: "4.00" };

  it("counts feedback of a category from 11 people on", async () => {
    const rated = "select rated::text from app_public.brand_tryon_feedback";
    // The shopper and eleven others.
    expect(await as(db, "A.viewer", (client) => column(client, rated))).toEqual(
      ["12"],
    );
    expect(await as(db, "B.viewer", (client) => column(client, rated))).toEqual(
      ["11"],
    );
    const unpublished =
      "with all_of_it as (delete from app_private.published_feedback) delete from app_public.tryon_feedback_figures";
    expect(await feedbackAfter(unpublished)).toEqual([]);
    expect(await feedbackAfter(unpublished, PUBLISH)).toEqual([AT_FIRST]);
    expect(
      await feedbackAfter(
        unpublished,
        `delete from app_public.tryon_feedback where user_id = '${people.support}' and brand_id = '${brands.B}'`,
        PUBLISH,
      ),
    ).toEqual([]);
  });

  it("publishes feedback anew when 11 people said something new, never for fewer", async () => {
    for (const few of [0, 1, 10])
      expect(
        await feedbackAfter(votes(few, "accurate = false"), PUBLISH),
      ).toEqual([AT_FIRST]);
    expect(await feedbackAfter(votes(11, "accurate = false"))).toEqual([
      AT_FIRST,
    ]);
    expect(await feedbackAfter(votes(11, "accurate = false"), PUBLISH)).toEqual(
      [{ ...AT_FIRST, accurate: "0" }],
    );
    // A brand that wants more people together waits for as many.
    expect(
      await feedbackAfter(
        `update app_public.brand_accounts set k_min = 12 where id = '${brands.B}'`,
        votes(11, "accurate = false"),
        PUBLISH,
        `update app_public.brand_accounts set k_min = 11 where id = '${brands.B}'`,
      ),
    ).toEqual([AT_FIRST]);
  });

  it("saving the same again is nothing new: it covers for nobody who changed theirs", async () => {
    expect(
      await feedbackAfter(
        votes(11, "accurate = accurate, rating = rating"),
        votes(1, "accurate = false, rating = 1"),
        PUBLISH,
      ),
    ).toEqual([AT_FIRST]);
  });

  it("votes do not cover for ratings, nor ratings for votes", async () => {
    expect(
      await feedbackAfter(
        votes(11, "accurate = false"),
        votes(10, "rating = 1"),
        PUBLISH,
      ),
    ).toEqual([{ ...AT_FIRST, accurate: "0" }]);
    expect(
      await feedbackAfter(
        votes(11, "rating = 3"),
        votes(10, "accurate = false"),
        PUBLISH,
      ),
    ).toEqual([{ ...AT_FIRST, mean_rating: "3.00" }]);
  });

  it("ratings that were all taken back are no mean", async () => {
    expect(await feedbackAfter(votes(11, "rating = null"), PUBLISH)).toEqual([
      { ...AT_FIRST, mean_rating: null },
    ]);
  });

  it("counts nothing twice when it publishes twice", () =>
    withRoot(db, async (root) => {
      await root.query(REPUBLISHED);
      // The votes, and the ratings.
      expect(await column(root, PUBLISH)).toEqual(["2"]);
      expect(await column(root, PUBLISH)).toEqual(["0"]);
    }));

  it("tells a mean rating only where 11 people gave one", async () => {
    expect(
      await feedbackAfter(REPUBLISHED, votes(1, "rating = 5"), PUBLISH),
    ).toEqual([{ ...AT_FIRST, mean_rating: "4.09" }]);
    expect(
      await feedbackAfter(REPUBLISHED, votes(1, "rating = null"), PUBLISH),
    ).toEqual([{ ...AT_FIRST, mean_rating: null }]);
  });

  it("holds figures back below the floor that the brand has set", async () => {
    const floor = (k: number) =>
      `update app_public.brand_accounts set k_min = ${k} where id = '${brands.B}'`;
    expect(await feedbackAfter(floor(11))).toEqual([AT_FIRST]);
    expect(await feedbackAfter(floor(12))).toEqual([]);
  });

  it("tells neither the few who were content nor the few who were not", async () => {
    for (const few of [1, 10])
      expect(
        await feedbackAfter(
          REPUBLISHED,
          votes(few, "accurate = false"),
          PUBLISH,
        ),
      ).toEqual([{ ...AT_FIRST, accurate: null }]);
  });

  it("is listed newest first out of an index, without sorting all there are", async () => {
    const plan = await as(db, "A.viewer", async (client) => {
      // So few rows are sorted gladly; what is asked is whether it can be done otherwise.
      await client.query("set local enable_sort = off");
      await client.query("set local enable_seqscan = off");
      return column(
        client,
        "explain (costs off) select * from app_public.brand_tryon_jobs where status = 'completed' order by id desc limit 26",
      );
    });
    expect(plan.join("\n")).toContain("brand_id_id_idx");
    expect(plan.join("\n")).not.toContain("Sort");
  });

  it("shows no condition of the caller a row of another brand", async () => {
    // A division by zero would tell that there is such a job.
    expect(
      await as(db, "A.viewer", (client) =>
        outcomeOf(
          client.query(
            "select 1 from app_public.brand_tryon_jobs where 1 / (case when brand_id = $1 then 0 else 1 end) = 1",
            [brands.B],
          ),
        ),
      ),
    ).toBe("ok");
  });

  it.each(["A.viewer", "A.analyst", "A.manager", "A.owner"] as const)(
    "is all there is for %s: the tables are closed",
    async (name) => {
      for (const table of [
        "tryon_jobs",
        "tryon_job_garments",
        "tryon_job_attempts",
        "tryon_feedback",
      ]) {
        const outcome = await as(db, name, (client) =>
          outcomeOf(client.query(`select from app_public.${table}`)),
        );
        expect({ table, outcome }).toEqual({ table, outcome: "42501" });
      }
    },
  );
});

describe("the worker's functions", () => {
  const WORKER = [
    "begin_tryon_result",
    "claim_tryon_jobs",
    "complete_tryon",
    "credit_reconcile",
    "expire_grants",
    "expire_stale",
    "fail_tryon",
    "grant_due_monthly",
    "heartbeat",
    "publish_feedback",
  ];
  const KEYED = [
    "key_begin_tryon_result",
    "key_claim_tryon_jobs",
    "key_complete_tryon",
    "key_fail_tryon",
    "key_heartbeat",
    "key_tryon_pictures",
  ];
  /** What only other functions call. */
  const INNER = [
    "add_grant",
    "create_tryon",
    "job_of_worker",
    "lock_wallet",
    "place_hold",
    "reachable_job",
    "settle_hold",
    "worker_of_key",
  ];

  it.each([
    [WORKER, ["closetai_worker"]],
    [KEYED, ["closetai_app"]],
    [INNER, []],
  ])("%j are for %j only, the owner apart", async (names, roles) => {
    const { rows } = await db.root.query<{ name: string; roles: string[] }>(
      `select p.proname::text as name, array(
                select r.rolname::text from pg_roles r
                 where r.rolname like 'closetai\\_%' and r.rolname <> 'closetai_owner'
                   and has_function_privilege(r.oid, p.oid, 'execute')
                 order by 1
              ) as roles
         from pg_proc p
        where p.pronamespace = 'app_private'::regnamespace and p.proname = any ($1)
        order by 1`,
      [names],
    );
    expect(rows).toEqual(names.map((name) => ({ name, roles })));
  });
});

describe("a worker key", () => {
  const claim =
    "select * from app_private.key_claim_tryon_jobs($1, 'gpu-1', 1, 60)";
  const bytes = (byte: string): Buffer => Buffer.from(byte.repeat(32), "hex");

  it("that is in use takes a job, under its own name", async () => {
    await withRollback(db.app, async (client) => {
      const { rows } = await client.query<{ locked_by: string }>(claim, [
        bytes("5e"),
      ]);
      expect(rows.map(({ locked_by }) => locked_by)).toEqual(["world/gpu-1"]);
    });
  });

  it.each([
    ["nobody's", bytes("aa")],
    ["revoked", bytes("5f")],
    ["missing", null],
  ])("that is %s opens nothing", async (_title, hash) => {
    for (const [call, values] of [
      [claim, [hash]],
      [
        "select * from app_private.key_tryon_pictures($1, 'gpu-1', $2, 1)",
        [hash, jobs["A's own"]],
      ],
      [
        "select app_private.key_heartbeat($1, 'gpu-1', $2, 1, 60)",
        [hash, jobs["A's own"]],
      ],
      [
        "select app_private.key_begin_tryon_result($1, 'gpu-1', $2, 1, 'image/png', 4)",
        [hash, jobs["A's own"]],
      ],
      [
        "select app_private.key_complete_tryon($1, 'gpu-1', $2, 1, 'x', 0.5, 10)",
        [hash, jobs["A's own"]],
      ],
      [
        "select app_private.key_fail_tryon($1, 'gpu-1', $2, 1, 'BROKEN', true, 10)",
        [hash, jobs["A's own"]],
      ],
    ] as const) {
      const outcome = await withRollback(db.app, (client) =>
        outcomeOf(client.query(call, [...values])),
      );
      expect({ call, outcome }).toEqual({ call, outcome: "LOGIN" });
    }
  });

  it("works from when it is made until it is revoked", async () => {
    await withRoot(db, async (root) => {
      await becomeActor(root, {
        role: "closetai_staff_admin",
        userId: people.admin,
      });
      const [token = ""] = await column(
        root,
        "select app_public.create_worker_key('gpu-hall')",
      );
      expect(token).toMatch(/^wk_/);
      const use = async (): Promise<string> => {
        await root.query("reset role");
        await root.query("savepoint used");
        const outcome = await outcomeOf(
          root.query(
            "select * from app_private.key_claim_tryon_jobs(sha256(convert_to($1, 'UTF8')), 'gpu-1', 1, 60)",
            [token],
          ),
        );
        await root.query("rollback to savepoint used");
        return outcome;
      };
      expect(await use()).toBe("ok");
      await root.query("set local role closetai_staff_admin");
      await root.query(
        "select app_public.revoke_worker_key(id) from app_public.worker_keys where name = 'gpu-hall'",
      );
      expect(await use()).toBe("LOGIN");
    });
  });

  it("that is revoked loses its leases, and no other does; a new one of its name gets none", async () => {
    await withRoot(db, async (root) => {
      await becomeActor(root, {
        role: "closetai_staff_admin",
        userId: people.admin,
      });
      await root.query("reset role");
      const staff = async (sql: string, values: unknown[] = []) => {
        await root.query("set local role closetai_staff_admin");
        const [answer = ""] = await column(root, sql, values);
        await root.query("reset role");
        return answer;
      };
      const make = () =>
        staff("select app_public.create_worker_key('gpu-end')");
      const token = await make();
      const claimed = await column(
        root,
        `select id from app_public.tryon_jobs where status in ('queued', 'processing') order by id limit 3`,
      );
      expect(claimed).toHaveLength(3);
      const workers = ["gpu-end/1", "gpu-end", "gpu-end-2/1"];
      for (const [at, id] of claimed.entries()) {
        await root.query(
          "update app_public.tryon_jobs set status = 'processing', locked_by = $2, locked_until = now() + interval '1 minute' where id = $1",
          [id, workers[at]],
        );
      }
      const leases = () =>
        column(
          root,
          "select locked_by || ' ' || (locked_until > now()) from app_public.tryon_jobs where id = any ($1) order by id",
          [claimed],
        );
      const revoke = () =>
        staff(
          "select (app_public.revoke_worker_key(id)).name from app_public.worker_keys where name = 'gpu-end' and prefix = left($1, 11)",
          [token],
        );
      await revoke();
      expect(await leases()).toEqual([
        "gpu-end false",
        "gpu-end-2/1 true",
        "gpu-end/1 false",
      ]);
      const next = await make();
      const [beat] = await column(
        root,
        "select attempt from app_public.tryon_jobs where id = $1",
        [claimed[0]],
      );
      await root.query("savepoint beat");
      expect(
        await outcomeOf(
          root.query(
            "select app_private.key_heartbeat(sha256(convert_to($1, 'UTF8')), '1', $2, $3, 60)",
            [next, claimed[0], beat],
          ),
        ),
      ).toBe("LLOCK");
      await root.query("rollback to savepoint beat");
      // Revoking the old one again leaves the workers of the new one alone.
      await root.query(
        "update app_public.tryon_jobs set locked_until = now() + interval '1 minute' where id = any ($1)",
        [claimed],
      );
      await revoke();
      expect(await leases()).toEqual([
        "gpu-end true",
        "gpu-end-2/1 true",
        "gpu-end/1 true",
      ]);
    });
  });
});
