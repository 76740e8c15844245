import { describe, expect, it, jest } from "@jest/globals";

import type { LiveClient, LiveEvent, LiveFields } from "../src/index.ts";
import { listTopic, recordTopic, rowsChanged } from "../src/index.ts";
import { buildSubscription, makeLive, parseTopic } from "../src/live.ts";
import { resources, thingId } from "./resources.ts";

const fields: LiveFields = {
  things: {
    list: {
      field: "thingsChanged",
      selection: "ids",
      ids: (event) => (event as { ids: string[] }).ids,
    },
    record: {
      field: "thingChanged",
      argument: { name: "rowId", type: "UUID!" },
      selection: "thing { rowId }",
    },
  },
};

type Sink = Parameters<LiveClient["subscribe"]>[1];

/** A client whose server is this test. */
const makeClient = () => {
  const open: { payload: unknown; sink: Sink; isOpen: boolean }[] = [];
  const connected: (() => void)[] = [];
  const client: LiveClient = {
    subscribe: (payload, sink) => {
      const entry = { payload, sink, isOpen: true };
      open.push(entry);
      return () => {
        entry.isOpen = false;
      };
    },
    on: (_event, listener) => {
      connected.push(listener);
      return () => undefined;
    },
  };
  return { client, open, connect: () => connected.forEach((tell) => tell()) };
};

const makeWorld = (told: LiveFields = fields, lingerMs = 0) => {
  jest.useFakeTimers();
  const world = makeClient();
  const errors: unknown[] = [];
  const live = makeLive(resources, {
    client: world.client,
    fields: told,
    lingerMs,
    onError: (topic, error) => errors.push([topic, error]),
  });
  const heard: LiveEvent[] = [];
  return {
    ...world,
    live,
    errors,
    heard,
    listen: (event: LiveEvent) => void heard.push(event),
  };
};

describe("topics", () => {
  it("are a resource, or a record of one", () => {
    expect(listTopic("things")).toBe("resource/things");
    expect(recordTopic("colours", "a/b")).toBe("resource/colours/a%2Fb");
    expect(parseTopic(recordTopic("colours", "a/b"))).toEqual({
      resource: "colours",
      id: "a/b",
    });
    expect(() => parseTopic("things")).toThrow("is not a topic");
  });

  it("are asked for as subscriptions with bound ids", () => {
    expect(
      buildSubscription(fields, recordTopic("things", thingId)),
    ).toMatchObject({
      query:
        "subscription ThingChanged_live($value: UUID!) { thingChanged(rowId: $value) { thing { rowId } } }",
      variables: { value: thingId },
    });
    expect(buildSubscription(fields, listTopic("things"))).toMatchObject({
      query: "subscription ThingsChanged_live { thingsChanged { ids } }",
      variables: {},
    });
    expect(buildSubscription(fields, listTopic("shops"))).toBeNull();
  });
});

describe("subscribe", () => {
  it("opens one subscription for all who listen, and closes it after the last", async () => {
    const { live, open, listen } = makeWorld();
    const other = (): void => undefined;
    await live.subscribe("resource/things", listen);
    await live.subscribe("resource/things", other);
    expect(open).toHaveLength(1);
    await live.unsubscribe("resource/things", listen);
    expect(open[0]?.isOpen).toBe(true);
    await live.unsubscribe("resource/things", other);
    expect(open[0]?.isOpen).toBe(false);
  });

  it("tells the events of a moment as one, with all their ids", async () => {
    const { live, open, listen, heard } = makeWorld();
    await live.subscribe("resource/things", listen);
    const tell = (ids: string[]) =>
      open[0]?.sink.next({ data: { thingsChanged: { ids } } });
    tell(["a"]);
    tell(["b", "a"]);
    expect(heard).toEqual([]);
    jest.advanceTimersByTime(250);
    expect(heard).toEqual([
      {
        topic: "resource/things",
        type: "updated",
        payload: { ids: ["a", "b"] },
      },
    ]);
    // No ids are any ids.
    tell(["c"]);
    tell([]);
    jest.advanceTimersByTime(250);
    expect(heard[1]?.payload.ids).toEqual([]);
  });

  it("tells of a record by its id", async () => {
    const { live, open, listen, heard } = makeWorld();
    await live.subscribe(recordTopic("things", thingId), listen);
    open[0]?.sink.next({ data: { thingChanged: { thing: null } } });
    jest.advanceTimersByTime(250);
    expect(heard).toMatchObject([{ payload: { ids: [thingId] } }]);
  });

  it("tells all once after a reconnect, for nobody heard what happened meanwhile", async () => {
    const { live, connect, listen, heard } = makeWorld();
    await live.subscribe("resource/things", listen);
    connect();
    jest.advanceTimersByTime(250);
    expect(heard).toEqual([]);
    connect();
    jest.advanceTimersByTime(250);
    expect(heard).toMatchObject([{ type: "updated", payload: { ids: [] } }]);
  });

  it("says what the server refuses, and tells nobody after they left", async () => {
    const { live, open, listen, heard, errors } = makeWorld();
    await live.subscribe("resource/things", listen);
    open[0]?.sink.next({ errors: ["no"] });
    open[0]?.sink.error("gone");
    expect(errors).toEqual([
      ["resource/things", ["no"]],
      ["resource/things", "gone"],
    ]);
    open[0]?.sink.next({ data: { thingsChanged: { ids: ["a"] } } });
    await live.unsubscribe("resource/things", listen);
    jest.advanceTimersByTime(1000);
    expect(heard).toEqual([]);
    await expect(live.subscribe("resource/secrets", listen)).rejects.toThrow(
      'There is no resource "secrets"',
    );
  });

  it("begins anew where the server had ended it", async () => {
    const { live, open, listen } = makeWorld();
    await live.subscribe("resource/things", listen);
    open[0]?.sink.complete();
    jest.advanceTimersByTime(1000);
    expect(open).toHaveLength(2);
    // Not after what the server refused, until somebody else listens.
    open[1]?.sink.error("no");
    open[1]?.sink.complete();
    jest.advanceTimersByTime(5000);
    expect(open).toHaveLength(2);
    await live.subscribe("resource/things", () => undefined);
    expect(open).toHaveLength(3);
  });

  it("tells a record without a field of its own what the list hears of it", async () => {
    const { live, open, listen, heard } = makeWorld({
      things: rowsChanged("app_things"),
    });
    const other = recordTopic("things", "other");
    await live.subscribe("resource/things", () => undefined);
    await live.subscribe(recordTopic("things", thingId), listen);
    await live.subscribe(other, listen);
    expect(open.map(({ payload }) => payload)).toMatchObject([
      {
        query:
          "subscription RowsChanged_live($value: [String!]!) { rowsChanged(tables: $value) { rowIds } }",
        variables: { value: ["app_things"] },
      },
    ]);
    const tell = (rowIds: string[] | null) => {
      open[0]?.sink.next({ data: { rowsChanged: { rowIds } } });
      jest.advanceTimersByTime(250);
    };
    tell(["somebody"]);
    expect(heard).toEqual([]);
    tell([thingId]);
    expect(heard).toMatchObject([{ payload: { ids: [thingId] } }]);
    tell(null);
    expect(heard.slice(1).map(({ payload }) => payload.ids)).toEqual([
      [thingId],
      ["other"],
    ]);
  });

  it("stays open a while after the last listener, if so wished", async () => {
    const { live, open, listen } = makeWorld(fields, 10_000);
    await live.subscribe("resource/things", listen);
    await live.unsubscribe("resource/things", listen);
    jest.advanceTimersByTime(9_000);
    await live.subscribe("resource/things", listen);
    expect(open).toHaveLength(1);
    await live.unsubscribe("resource/things", listen);
    jest.advanceTimersByTime(10_000);
    expect(open[0]?.isOpen).toBe(false);
  });
});

describe("publish", () => {
  it("tells this page, with or without a server that tells", async () => {
    jest.useFakeTimers();
    const live = makeLive(resources, null);
    const heard: LiveEvent[] = [];
    await live.subscribe("resource/shops", (event) => void heard.push(event));
    await live.publish("resource/shops", {
      type: "created",
      payload: { ids: [1] },
    });
    jest.advanceTimersByTime(250);
    expect(heard).toEqual([
      { topic: "resource/shops", type: "created", payload: { ids: [1] } },
    ]);
  });
});
