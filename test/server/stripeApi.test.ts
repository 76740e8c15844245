import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
} from "@jest/globals";

import { makeBillingPlugins } from "../../server/billing/BillingPlugin.ts";
import { drainInbox } from "../../server/billing/drainInbox.ts";
import { fetchObjects } from "../../server/billing/fetchObjects.ts";
import { returnUrlOf } from "../../server/billing/returnUrl.ts";
import { makeStripeApi } from "../../server/billing/stripeApi.ts";
import type { StripeConfig } from "../../server/config.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { makeTestApi } from "../helpers/graphql.ts";
import type { GraphQLAnswer, HttpClient } from "../helpers/http.ts";
import { makePeople, PASSWORD, type People } from "../helpers/people.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";
import {
  buildEvent,
  buildPrice,
  buildSubscription,
  type StripeEvent,
} from "../helpers/stripe.ts";
import {
  STAND_IN_KEY,
  startStripeStandIn,
  type StripeStandIn,
} from "../helpers/stripeStandIn.ts";

let db: TestDatabase;
let people: People;
let stripe: StripeStandIn;
let config: StripeConfig;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
  stripe = await startStripeStandIn();
  config = {
    webhookSecrets: [],
    apiKey: STAND_IN_KEY,
    apiBase: stripe.url,
    mode: "test",
    contact: "billing@closetai.test",
  };
});
afterAll(async () => {
  await stripe?.close();
  await db?.drop();
});
beforeEach(() => {
  stripe.calls.length = 0;
  stripe.fault = null;
});

const silent = { info: () => undefined, warn: () => undefined };

/** As if Stripe had told it. */
async function tell(...events: StripeEvent[]): Promise<void> {
  for (const event of events) {
    await db.worker.query("select app_private.ingest_stripe_event($1)", [
      JSON.stringify(event),
    ]);
  }
  await drainInbox({ worker: db.worker, log: silent });
  const { rows } = await db.root.query(
    "select id, status, last_error from app_public.stripe_events where status in ('received', 'failed', 'dead')",
  );
  expect(rows).toEqual([]);
}

const oneTime = (id: string, metadata: object, overrides = {}) =>
  buildEvent(
    "price.created",
    buildPrice(id, 5_000, {
      type: "one_time",
      recurring: null,
      metadata,
      ...overrides,
    }),
  );
const plan = (id: string, metadata: object, overrides = {}) =>
  buildEvent(
    "price.created",
    buildPrice(id, 9_900, { metadata, ...overrides }),
  );

describe("a server with a key", () => {
  let server: TestHttpServer;
  beforeAll(async () => {
    server = await startTestServer(db, { stripe: config });
    await tell(
      oneTime("price_500", { credits: "500" }),
      oneTime("price_plain", {}),
      oneTime("price_odd", { credits: "-5" }),
      oneTime("price_gone", { credits: "500" }, { active: false }),
      oneTime("price_denim", { credits: "900", brand_id: people.denim }),
      plan("price_studio", { monthly_credits: "1000" }),
      plan("price_house", { monthly_credits: "5000" }),
      plan("price_pro", { pro: "true" }),
      plan(
        "price_metered",
        { monthly_credits: "1000" },
        {
          recurring: {
            interval: "month",
            interval_count: 1,
            usage_type: "metered",
          },
        },
      ),
      plan("price_vague", { monthly_credits: "many" }),
    );
  });
  afterAll(() => server?.close());

  const signedIn = async (
    person: { email: string },
    brandId: string | null = null,
  ): Promise<HttpClient> => {
    const client = server.client();
    expect((await client.signIn(person.email, PASSWORD)).status).toBe(200);
    expect((await client.post("/auth/brand", { brandId })).status).toBe(200);
    return client;
  };
  const owner = () => signedIn(people.owner, people.lumiere);
  const shopper = () => signedIn(people.shopper);

  const buy = (client: HttpClient, input: object) =>
    client.graphql(
      "mutation ($input: BuyCreditsInput!) { buyCredits(input: $input) { url } }",
      { input },
    );
  const change = (client: HttpClient, input: object) =>
    client.graphql(
      "mutation ($input: ChangePlanInput!) { changePlan(input: $input) { url } }",
      { input },
    );
  const portal = (client: HttpClient, input: object = {}) =>
    client.graphql(
      "mutation ($input: OpenBillingPortalInput!) { openBillingPortal(input: $input) { url } }",
      { input },
    );
  const refusal = ({ errors }: GraphQLAnswer) => ({
    code: errors[0]?.extensions.code,
    field: errors[0]?.extensions.field,
  });

  it("says who can pay, and whom to ask", async () => {
    const ask = async (client: HttpClient) =>
      (await client.graphql("{ billingSettings { canPay contact } }")).data?.[
        "billingSettings"
      ];
    const contact = "billing@closetai.test";
    expect(await ask(await owner())).toEqual({ canPay: true, contact });
    expect(await ask(await shopper())).toEqual({ canPay: true, contact });
    expect(await ask(await signedIn(people.viewer, people.lumiere))).toEqual({
      canPay: false,
      contact,
    });
    expect(await ask(server.client())).toEqual({
      canPay: false,
      contact: null,
    });
  });

  it("does not let somebody pay who views as somebody else", async () => {
    const api = await makeTestApi(db, {
      plugins: makeBillingPlugins({
        config: { rootUrl: "http://admin.test", stripe: config },
        api: makeStripeApi(config),
        log: silent,
      }),
    });
    try {
      const actor = {
        role: "closetai_brand_owner",
        userId: people.owner.id,
        brandId: people.lumiere,
      };
      const viewing = { ...actor, impersonatorId: people.support.id };
      const settings = "{ billingSettings { canPay } }";
      const order =
        'mutation { buyCredits(input: { priceId: "price_500" }) { url } }';
      expect((await api.execute(actor, settings)).data).toEqual({
        billingSettings: { canPay: true },
      });
      expect((await api.execute(viewing, settings)).data).toEqual({
        billingSettings: { canPay: false },
      });
      const { errors } = await api.execute(viewing, order);
      expect(errors?.[0]?.extensions.code).toBe("DNIED");
      expect(stripe.calls).toEqual([]);
    } finally {
      await api.close();
    }
  });

  describe("an owner", () => {
    it("buys credits on a page of Stripe; whose they are and how many is ours to say", async () => {
      const { data, errors } = await buy(await owner(), {
        priceId: "price_500",
        quantity: 3,
        returnPath: "/admin/credits?tab=1",
      });
      expect(errors).toEqual([]);
      expect(data).toEqual({
        buyCredits: { url: "https://checkout.stripe.example/c/pay/cs_test_1" },
      });
      const [customer, session] = stripe.calls;
      expect(customer).toMatchObject({
        path: "/v1/customers",
        form: {
          email: people.owner.email,
          "metadata[brand_id]": people.lumiere,
        },
      });
      expect(session?.path).toBe("/v1/checkout/sessions");
      expect(session?.form).toEqual({
        mode: "payment",
        customer: "cus_made1",
        "line_items[0][price]": "price_500",
        "line_items[0][quantity]": "3",
        "metadata[brand_id]": people.lumiere,
        "metadata[credits]": "1500",
        success_url: `${server.url}/admin/credits?tab=1&billing=paid`,
        cancel_url: `${server.url}/admin/credits?tab=1&billing=cancelled`,
      });
      // The page was shown; nothing is paid.
      const { rows } = await db.root.query(
        "select from app_public.credit_grants where source = 'purchase'",
      );
      expect(rows).toEqual([]);
    });

    it("is one customer however often they ask", async () => {
      const client = await owner();
      await buy(client, { priceId: "price_500" });
      await buy(client, { priceId: "price_500" });
      const made = stripe.calls.filter(({ path }) => path === "/v1/customers");
      expect(made).toHaveLength(2);
      expect(
        new Set(made.map(({ idempotencyKey }) => idempotencyKey)).size,
      ).toBe(1);
    });

    it.each([
      ["a price that is not there", { priceId: "price_x" }, "NTFND", "priceId"],
      ["one no longer sold", { priceId: "price_gone" }, "NTFND", "priceId"],
      [
        "one made for another brand",
        { priceId: "price_denim" },
        "NTFND",
        "priceId",
      ],
      [
        "one that sells no credits",
        { priceId: "price_plain" },
        "INVAL",
        "priceId",
      ],
      ["one with odd credits", { priceId: "price_odd" }, "INVAL", "priceId"],
      ["a plan", { priceId: "price_studio" }, "INVAL", "priceId"],
      ["none", { priceId: "price_500", quantity: 0 }, "INVAL", "quantity"],
      [
        "fewer than none",
        { priceId: "price_500", quantity: -1 },
        "INVAL",
        "quantity",
      ],
      [
        "too many",
        { priceId: "price_500", quantity: 1_001 },
        "INVAL",
        "quantity",
      ],
      [
        "a way back to another site",
        { priceId: "price_500", returnPath: "//evil.example/x" },
        "INVAL",
        "returnPath",
      ],
      [
        "a way back in disguise",
        { priceId: "price_500", returnPath: "/\\evil.example" },
        "INVAL",
        "returnPath",
      ],
    ])("cannot buy: %s", async (_name, input, code, field) => {
      expect(refusal(await buy(await owner(), input))).toEqual({ code, field });
      expect(stripe.calls).toEqual([]);
    });

    it("has nothing to manage before there is a customer", async () => {
      expect(refusal(await portal(await owner()))).toMatchObject({
        code: "STATE",
      });
      expect(stripe.calls).toEqual([]);
    });

    it("begins a plan on Stripe's page, and not a shopper's", async () => {
      const client = await owner();
      const { data } = await change(client, { priceId: "price_studio" });
      expect(data).toMatchObject({ changePlan: { url: expect.any(String) } });
      expect(stripe.calls.at(-1)).toMatchObject({
        path: "/v1/checkout/sessions",
        form: {
          mode: "subscription",
          "line_items[0][price]": "price_studio",
          "metadata[brand_id]": people.lumiere,
          "subscription_data[metadata][brand_id]": people.lumiere,
        },
      });
      // A shopper's; one without a quantity to choose; one that grants nothing.
      for (const priceId of ["price_pro", "price_metered", "price_vague"]) {
        expect(refusal(await change(client, { priceId }))).toEqual({
          code: "INVAL",
          field: "priceId",
        });
      }
    });

    it("replaces the plan there is, and manages it in the portal", async () => {
      await tell(
        buildEvent("customer.created", {
          id: "cus_lumiere",
          object: "customer",
          email: "pay@lumiere.test",
          metadata: { brand_id: people.lumiere },
        }),
        buildEvent(
          "customer.subscription.created",
          buildSubscription(
            "sub_lumiere",
            "cus_lumiere",
            buildPrice("price_studio", 9_900, {
              metadata: { monthly_credits: "1000" },
            }),
          ),
        ),
      );
      const client = await owner();
      expect(
        refusal(await change(client, { priceId: "price_studio" })),
      ).toEqual({ code: "STATE", field: "priceId" });
      await change(client, { priceId: "price_house" });
      expect(stripe.calls).toMatchObject([
        {
          path: "/v1/billing_portal/sessions",
          form: {
            customer: "cus_lumiere",
            "flow_data[type]": "subscription_update_confirm",
            "flow_data[subscription_update_confirm][subscription]":
              "sub_lumiere",
            "flow_data[subscription_update_confirm][items][0][id]":
              "si_sub_lumiere",
            "flow_data[subscription_update_confirm][items][0][price]":
              "price_house",
            "flow_data[subscription_update_confirm][items][0][quantity]": "1",
          },
        },
      ]);
      expect((await portal(client)).data).toEqual({
        openBillingPortal: {
          url: "https://billing.stripe.example/p/session/bps_1",
        },
      });
      expect(stripe.calls.at(-1)?.form).toEqual({
        customer: "cus_lumiere",
        return_url: `${server.url}/admin`,
      });
    });

    it("is told when Stripe is away, and when it refuses; its words stay here", async () => {
      const client = await owner();
      stripe.fault = {
        status: 500,
        error: { type: "api_error", message: "secret words" },
      };
      const away = await buy(client, { priceId: "price_500" });
      expect(refusal(away)).toMatchObject({ code: "DOWN" });
      stripe.fault = {
        status: 400,
        error: {
          type: "invalid_request_error",
          message: "No such price: secret words",
        },
      };
      const refused = await buy(client, { priceId: "price_500" });
      expect(refusal(refused)).toMatchObject({ code: "STATE" });
      expect(refused.errors[0]?.extensions.hint).toBe(
        "Nothing was paid. Tell billing@closetai.test",
      );
      expect(JSON.stringify([away, refused])).not.toContain("secret words");
    });
  });

  it("a shopper buys credits and pro for themselves, and no plan of brands", async () => {
    const client = await shopper();
    await buy(client, { priceId: "price_500" });
    expect(stripe.calls.at(-1)?.form).toMatchObject({
      "metadata[user_id]": people.shopper.id,
      "metadata[credits]": "500",
    });
    await change(client, { priceId: "price_pro" });
    expect(stripe.calls.at(-1)?.form).toMatchObject({
      mode: "subscription",
      "subscription_data[metadata][user_id]": people.shopper.id,
    });
    expect(refusal(await change(client, { priceId: "price_studio" }))).toEqual({
      code: "INVAL",
      field: "priceId",
    });
  });

  it.each(["viewer", "manager", "support", "admin", "nobody"] as const)(
    "%s cannot pay, change or manage",
    async (name) => {
      const client =
        name === "nobody"
          ? server.client()
          : await signedIn(
              people[name],
              name === "viewer" || name === "manager" ? people.lumiere : null,
            );
      for (const answer of [
        await buy(client, { priceId: "price_500" }),
        await change(client, { priceId: "price_studio" }),
        await portal(client),
      ]) {
        expect(["DNIED", "LOGIN"]).toContain(refusal(answer).code);
      }
      expect(stripe.calls).toEqual([]);
    },
  );

  it("the return of the browser grants nothing; the event does, once", async () => {
    const credits = async () => {
      const { rows } = await db.root.query<{ sum: string }>(
        "select coalesce(sum(amount), 0)::text as sum from app_public.credit_grants where owner_brand_id = $1 and source = 'purchase'",
        [people.lumiere],
      );
      return rows[0]?.sum;
    };
    const client = await owner();
    await buy(client, { priceId: "price_500" });
    const form = stripe.calls.at(-1)?.form ?? {};
    await client.get(new URL(form["success_url"] ?? "").pathname);
    expect(await credits()).toBe("0");
    const paid = {
      id: "cs_test_1",
      object: "checkout.session",
      mode: "payment",
      payment_status: "paid",
      metadata: {
        brand_id: form["metadata[brand_id]"],
        credits: form["metadata[credits]"],
      },
    };
    await tell(
      buildEvent("checkout.session.completed", paid),
      buildEvent("checkout.session.async_payment_succeeded", paid),
    );
    expect(await credits()).toBe("500");
  });
});

describe("a server without a key", () => {
  it("has no mutations that pay, and says whom to ask", async () => {
    const server = await startTestServer(db, {
      stripe: { ...config, apiKey: null, mode: null },
    });
    try {
      const client = server.client();
      await client.signIn(people.shopper.email, PASSWORD);
      const settings = await client.graphql(
        "{ billingSettings { canPay contact } }",
      );
      expect(settings.data).toEqual({
        billingSettings: { canPay: false, contact: "billing@closetai.test" },
      });
      const { errors } = await client.graphql(
        'mutation { buyCredits(input: { priceId: "price_500" }) { url } }',
      );
      expect(errors[0]?.extensions.code).toBe("GRAPHQL_VALIDATION");
      expect(makeStripeApi({ ...config, apiKey: null })).toBeNull();
    } finally {
      await server.close();
    }
  });
});

describe("objects of which two events share a second", () => {
  const price = (amount: number) => buildPrice(`price_tie_${amount}`, amount);
  const told = (id: string, amount: number) =>
    buildEvent(
      "customer.subscription.updated",
      buildSubscription("sub_tie", "cus_tie", price(amount)),
      { id },
    );
  const flags = async () => {
    const { rows } = await db.root.query(
      "select needs_refetch, mrr_usd_minor::text as mrr from app_public.stripe_subscriptions where id = 'sub_tie'",
    );
    return rows[0];
  };
  const fetchAll = () => {
    const api = makeStripeApi(config);
    if (api === null) throw new Error("There is no key");
    return fetchObjects({ worker: db.worker, api, log: silent });
  };
  afterEach(async () => {
    stripe.objects.clear();
    await db.root.query(
      "delete from app_public.stripe_events where object_id = 'sub_tie'",
    );
  });

  it("are fetched, and what Stripe says counts", async () => {
    await tell(told("evt_tieB", 2_000), told("evt_tieA", 1_000));
    expect(await flags()).toEqual({ needs_refetch: true, mrr: "2000" });
    // By the ids the one with 2,000 is the later; Stripe knows better.
    stripe.objects.set(
      "sub_tie",
      buildSubscription("sub_tie", "cus_tie", price(1_000)),
    );
    expect(await fetchAll()).toBe(1);
    await tell();
    expect(await flags()).toEqual({ needs_refetch: false, mrr: "1000" });
    expect(await fetchAll()).toBe(0);
    // It has a source that staff can look at.
    const { rows } = await db.root.query(
      "select source_event_id ~ '^evt_fetched_sub_tie_' as fetched from app_public.mrr_movements where subscription_id = 'sub_tie' or account = 'customer:cus_tie' order by created_at desc, id desc limit 1",
    );
    expect(rows).toEqual([{ fetched: true }]);
  });

  it("that are gone at Stripe are let go of", async () => {
    await db.root.query(
      "update app_public.stripe_subscriptions set needs_refetch = true where id = 'sub_tie'",
    );
    expect(await fetchAll()).toBe(1);
    expect(await flags()).toMatchObject({ needs_refetch: false });
  });

  it("stay marked when Stripe does not answer", async () => {
    await db.root.query(
      "update app_public.stripe_subscriptions set needs_refetch = true where id = 'sub_tie'",
    );
    stripe.fault = {
      status: 500,
      error: { type: "api_error", message: "down" },
    };
    await expect(fetchAll()).rejects.toMatchObject({ statusCode: 500 });
    expect(await flags()).toMatchObject({ needs_refetch: true });
  });
});

describe("the way back", () => {
  const root = "https://admin.example.com";
  it.each([
    [null, `${root}/admin`],
    ["/admin/credits", `${root}/admin/credits`],
    ["/x?y=1#z", `${root}/x?y=1#z`],
  ])("%j leads to %s", (path, url) => {
    expect(returnUrlOf(root, path)).toBe(url);
  });

  it.each([
    "https://evil.example",
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "javascript:alert(1)",
    "admin",
    "",
  ])("%j is refused", (path) => {
    expect(() => returnUrlOf(root, path)).toThrow(
      "This is no path of this installation",
    );
  });
});
