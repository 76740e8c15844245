import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { PoolClient } from "pg";

import {
  createTestDatabase,
  type TestDatabase,
  withRoot,
} from "../helpers/database.ts";
import {
  actAs,
  asManager,
  asShopper,
  makeShopper,
  makeStaff,
  makeTryonBrand,
  refusal,
  rowsOf,
  type Shopper,
  value,
} from "../helpers/tryons.ts";
import { ask, completed, failed, moveTo } from "../helpers/tryonScenes.ts";

let db: TestDatabase;

beforeAll(async () => {
  db = await createTestDatabase();
});

afterAll(() => db?.drop());

const statusOf = (client: PoolClient, id: string) =>
  value<string>(
    client,
    "select status from app_public.tryon_jobs where id = $1",
    [id],
  );

const STATUSES = [
  "queued",
  "processing",
  "completed",
  "failed",
  "cancelled",
  "expired",
] as const;
type Status = (typeof STATUSES)[number];

/** As the specification lists them; everything else is refused. */
const ALLOWED: Record<Status, Status[]> = {
  queued: ["processing", "cancelled", "expired"],
  processing: ["completed", "queued", "failed", "expired"],
  completed: [],
  failed: [],
  cancelled: [],
  expired: [],
};

/** How a job gets to a status. */
const PATHS: Record<Status, Status[]> = {
  queued: [],
  processing: ["processing"],
  completed: ["processing", "completed"],
  failed: ["processing", "failed"],
  cancelled: ["cancelled"],
  expired: ["expired"],
};

describe("the state machine", () => {
  it("is the table that the specification lists", () =>
    withRoot(db, async (client) => {
      expect(
        await rowsOf(
          client,
          "select from_status, to_status from app_private.tryon_transitions order by 1, 2",
        ),
      ).toEqual(
        STATUSES.flatMap((from_status) =>
          STATUSES.filter((to) => ALLOWED[from_status].includes(to)).map(
            (to_status) => ({ from_status, to_status }),
          ),
        ),
      );
    }));

  const pairs = STATUSES.flatMap((from) =>
    STATUSES.map((to) => [from, to] as const),
  );

  it.each(pairs)("from %s to %s: as listed, whoever asks", (from, to) =>
    withRoot(db, async (client) => {
      const { id } = await ask(client, await makeShopper(client));
      for (const step of PATHS[from]) await moveTo(client, id, step);
      const rowOf = () =>
        rowsOf(client, "select * from app_public.tryon_jobs where id = $1", [
          id,
        ]);
      if (from === to) {
        // The same status is no change: nothing is stamped or settled again.
        const before = await value(
          client,
          "select count(*) from app_public.credit_transfers",
        );
        const [row] = await rowOf();
        await client.query(
          "update app_public.tryon_jobs set status = $2 where id = $1",
          [id, to],
        );
        expect(await rowOf()).toEqual([
          { ...row, updated_at: expect.anything() as unknown },
        ]);
        expect(
          await value(
            client,
            "select count(*) from app_public.credit_transfers",
          ),
        ).toBe(before);
      } else if (ALLOWED[from].includes(to)) {
        await moveTo(client, id, to);
        const [row] = await rowOf();
        expect(row).toMatchObject({ status: to });
        expect(row?.["finished_at"] !== null).toBe(ALLOWED[to].length === 0);
        expect(row?.["completed_at"] !== null).toBe(to === "completed");
        expect(row?.["locked_by"] !== null).toBe(to === "processing");
      } else {
        const before = await rowOf();
        expect(await refusal(client, () => moveTo(client, id, to))).toEqual({
          code: "STATE",
          field: "status",
        });
        expect(await rowOf()).toEqual(before);
      }
      expect(
        await value(
          client,
          "select count(*) from app_private.credit_reconcile()",
        ),
      ).toBe("0");
    }),
  );

  it.each(STATUSES.slice(1))("a job cannot be made %s", (status) =>
    withRoot(db, async (client) => {
      const { id } = await makeShopper(client);
      expect(
        await refusal(client, () =>
          client.query(
            "insert into app_public.tryon_jobs (user_id, payer, status, category_code, cost) values ($1, 'user', $2, 'tops', 1)",
            [id, status],
          ),
        ),
      ).toEqual({ code: "STATE", field: "status" });
    }),
  );

  it("no role but the functions' owner writes to a job", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const { id } = await ask(client, shopper);
      const brand = await makeTryonBrand(client);
      for (const actor of [
        asShopper(shopper),
        asManager(brand),
        await makeStaff(client, "admin"),
        { role: "closetai_worker" },
        { role: "closetai_app" },
      ]) {
        expect(
          await refusal(client, () =>
            actAs(client, actor, () =>
              client.query(
                "update app_public.tryon_jobs set status = 'cancelled'",
              ),
            ),
          ),
        ).toMatchObject({ code: "42501" });
      }
      expect(await statusOf(client, id)).toBe("queued");
    }));
});

describe("feedback", () => {
  const rate = (
    client: PoolClient,
    shopper: Shopper,
    id: string,
    rating: number | null = 4,
  ) =>
    actAs(client, asShopper(shopper), () =>
      client.query(
        "insert into app_public.tryon_feedback (job_id, accurate, rating) values ($1, true, $2)",
        [id, rating],
      ),
    );

  it("is given on an own completed job, once, and can be changed; the server says which brand", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const { id } = await completed(client, shopper);
      await rate(client, shopper, id);
      expect(await refusal(client, () => rate(client, shopper, id))).toEqual({
        code: "23505",
        field: "tryon_feedback_pkey",
      });
      await actAs(client, asShopper(shopper), () =>
        client.query(
          "update app_public.tryon_feedback set accurate = false, rating = null",
        ),
      );
      expect(
        await rowsOf(
          client,
          "select accurate, rating, brand_id, category_code, user_id from app_public.tryon_feedback",
        ),
      ).toEqual([
        {
          accurate: false,
          rating: null,
          brand_id: null,
          category_code: "scarves",
          user_id: shopper.id,
        },
      ]);
    }));

  it("on another's job, one without a result, or beyond 1 to 5 is refused", () =>
    withRoot(db, async (client) => {
      const shopper = await makeShopper(client);
      const { id } = await completed(client, shopper);
      const waiting = await ask(client, shopper);
      const stranger = await makeShopper(client);
      expect(await refusal(client, () => rate(client, stranger, id))).toEqual({
        code: "NTFND",
        field: "job_id",
      });
      expect(
        await refusal(client, () => rate(client, shopper, waiting.id)),
      ).toEqual({ code: "STATE", field: "job_id" });
      for (const rating of [0, 6, -1]) {
        expect(
          await refusal(client, () => rate(client, shopper, id, rating)),
        ).toEqual({ code: "23514", field: "tryon_feedback_rating_check" });
      }
      expect(
        await value(client, "select count(*) from app_public.tryon_feedback"),
      ).toBe("0");
    }));
});

describe("attempts", () => {
  it.each([
    "update app_public.tryon_job_attempts set outcome = 'completed'",
    "delete from app_public.tryon_job_attempts",
    "truncate app_public.tryon_job_attempts",
  ])("are never changed: %s", (statement) =>
    withRoot(db, async (client) => {
      await failed(client, await makeShopper(client));
      expect(
        await value(
          client,
          "select count(*) from app_public.tryon_job_attempts",
        ),
      ).toBe("1");
      for (const role of ["none", "closetai_owner"]) {
        expect(
          await refusal(client, async () => {
            await client.query("select set_config('role', $1, true)", [role]);
            await client.query(statement);
          }),
        ).toMatchObject({ code: "DNIED" });
      }
    }),
  );
});
