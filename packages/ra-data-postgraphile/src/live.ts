import type { Identifier } from "ra-core";

import { assertGraphQLName, upperFirst } from "./names.ts";
import type { ResourceSchemas } from "./types.ts";

/** As react-admin's realtime features know it; `ids` may be empty: anything may have changed. */
export type LiveEvent = {
  topic: string;
  type: string;
  payload: { ids: Identifier[] };
};

export type LiveCallback = (event: LiveEvent) => void;

/** What is needed of graphql-ws's `Client`. */
export type LiveClient = {
  subscribe(
    payload: {
      query: string;
      operationName?: string;
      variables?: Record<string, unknown>;
    },
    sink: {
      next(value: { data?: unknown; errors?: unknown }): void;
      error(error: unknown): void;
      complete(): void;
    },
  ): () => void;
  /** Told after each connect; the first is not a reconnect. */
  on?(event: "connected", listener: () => void): () => void;
};

/** A subscription field that says when something may have changed. */
export type LiveField = {
  /** `importRunChanged` */
  field: string;
  /** The argument that takes the record's id, and its type; `value` in place of the id. */
  argument?: { name: string; type: string; value?: unknown };
  /** What is read of the event: at least one field. Default `__typename`. */
  selection?: string;
  /** The ids in the event, where it tells them. */
  ids?: (event: unknown) => readonly Identifier[];
};

/**
 * Resource → what tells of its records, one by one or all together. A record
 * without a field of its own hears what the list's field tells of it.
 */
export type LiveFields = Readonly<
  Record<string, { list?: LiveField; record?: LiveField }>
>;

/** Tables that one field tells of: `rowsChanged(tables: ["products"]) { rowIds }`. */
export const rowsChanged = (table: string): { list: LiveField } => ({
  list: {
    field: "rowsChanged",
    argument: { name: "tables", type: "[String!]!", value: [table] },
    selection: "rowIds",
    ids: (event) =>
      (event as { rowIds: readonly Identifier[] | null } | null)?.rowIds ?? [],
  },
});

export type LiveOptions = {
  client: LiveClient;
  fields: LiveFields;
  /** Events within this time are told as one. Default 250. */
  coalesceMs?: number;
  /** A subscription stays open so long after the last listener left. Default 0. */
  lingerMs?: number;
  /** What the server refuses or breaks off: the page is then no longer live. */
  onError: (topic: string, error: unknown) => void;
};

export type Live = {
  subscribe(topic: string, callback: LiveCallback): Promise<{ data: null }>;
  unsubscribe(topic: string, callback: LiveCallback): Promise<{ data: null }>;
  publish(
    topic: string,
    event: { type: string; payload?: { ids?: readonly Identifier[] } },
  ): Promise<{ data: null }>;
};

export const listTopic = (resource: string): string => `resource/${resource}`;

export const recordTopic = (resource: string, id: Identifier): string =>
  `resource/${resource}/${encodeURIComponent(String(id))}`;

/** `resource/<name>` or `resource/<name>/<id>`. */
export const parseTopic = (
  topic: string,
): { resource: string; id: string | null } => {
  const [root, resource, id, ...rest] = topic.split("/");
  if (root !== "resource" || !resource || rest.length > 0) {
    throw new Error(
      `"${topic}" is not a topic: say resource/<name> or resource/<name>/<id>.`,
    );
  }
  return { resource, id: id ? decodeURIComponent(id) : null };
};

const graphqlType = /^\[*[_A-Za-z][_0-9A-Za-z]*[!\]]*$/;

/** The subscription of a topic, or null where nothing tells of it. */
export const buildSubscription = (
  fields: LiveFields,
  topic: string,
): {
  operationName: string;
  query: string;
  variables: Record<string, unknown>;
  field: LiveField;
} | null => {
  const { resource, id } = parseTopic(topic);
  const entry = Object.hasOwn(fields, resource) ? fields[resource] : undefined;
  const field = id === null ? entry?.list : entry?.record;
  if (!field) return null;
  assertGraphQLName(field.field, "subscribed to");
  const { argument } = field;
  if (argument) {
    assertGraphQLName(argument.name, "an argument");
    if (!graphqlType.test(argument.type)) {
      throw new Error(`"${argument.type}" is not a GraphQL type.`);
    }
  }
  const value = argument?.value ?? id;
  const hasArgument = argument !== undefined && value !== null;
  const operationName = `${upperFirst(field.field)}_live`;
  return {
    operationName,
    query: `subscription ${operationName}${hasArgument ? `($value: ${argument.type})` : ""} { ${field.field}${hasArgument ? `(${argument.name}: $value)` : ""} { ${field.selection ?? "__typename"} } }`,
    variables: hasArgument ? { value } : {},
    field,
  };
};

type Topic = {
  callbacks: Set<LiveCallback>;
  pending: { type: string; ids: Set<Identifier> | null } | null;
  timer: ReturnType<typeof setTimeout> | null;
};

/** A subscription at the server, and the topics that hear of it. */
type Source = {
  topics: Set<string>;
  stop: (() => void) | null;
  closing: ReturnType<typeof setTimeout> | null;
};

const nothing = { data: null } as const;

/** After the server ended a subscription: perhaps a new one is allowed. */
const AGAIN_MS = 1_000;

/**
 * One subscription for each resource, however many topics and listeners; events
 * of a moment are told as one. Events carry ids, never data: what changed is read
 * anew, as the person who reads it. After a reconnect every topic is told once,
 * because what happened meanwhile was not heard.
 */
export const makeLive = (
  schemas: ResourceSchemas,
  options: LiveOptions | null,
): Live => {
  const { coalesceMs = 250, lingerMs = 0 } = options ?? {};
  const topics = new Map<string, Topic>();
  const sources = new Map<string, Source>();
  let connects = 0;

  const flush = (name: string, topic: Topic) => {
    topic.timer = null;
    const { pending } = topic;
    topic.pending = null;
    if (!pending) return;
    for (const callback of [...topic.callbacks]) {
      callback({
        topic: name,
        type: pending.type,
        payload: { ids: pending.ids === null ? [] : [...pending.ids] },
      });
    }
  };

  /** No ids means: anything. It swallows the ids told beside it. */
  const tell = (
    name: string,
    type: string,
    ids: readonly Identifier[] | undefined,
  ) => {
    const topic = topics.get(name);
    if (!topic) return;
    const told = ids === undefined || ids.length === 0 ? null : ids;
    const { pending } = topic;
    topic.pending =
      pending === null
        ? { type, ids: told === null ? null : new Set(told) }
        : {
            type: pending.type === type ? type : "updated",
            ids:
              told === null || pending.ids === null
                ? null
                : new Set([...pending.ids, ...told]),
          };
    topic.timer ??= setTimeout(() => flush(name, topic), coalesceMs);
  };

  /** A record hears its own id only; of anything, it hears that it is meant too. */
  const tellOfSource = (source: Source, ids: readonly Identifier[]) => {
    for (const name of source.topics) {
      const { id } = parseTopic(name);
      if (id === null) tell(name, "updated", ids);
      else if (ids.length === 0 || ids.some((told) => String(told) === id)) {
        tell(name, "updated", [id]);
      }
    }
  };

  /** What tells of a topic: its own field, or that of its resource. */
  const sourceOf = (name: string): string | null => {
    if (!options) return null;
    const { resource } = parseTopic(name);
    const entry = Object.hasOwn(options.fields, resource)
      ? options.fields[resource]
      : undefined;
    if (name !== listTopic(resource) && entry?.record) return name;
    return entry?.list ? listTopic(resource) : null;
  };

  const start = (key: string, source: Source): void => {
    if (!options) return;
    const subscription = buildSubscription(options.fields, key);
    if (!subscription) return;
    const { field, ...payload } = subscription;
    let ended = false;
    const stop = options.client.subscribe(payload, {
      next: ({ data, errors }) => {
        if (errors) {
          options.onError(key, errors);
          return;
        }
        const event = (data as Record<string, unknown> | null | undefined)?.[
          field.field
        ];
        tellOfSource(source, field.ids?.(event) ?? []);
      },
      error: (error) => {
        ended = true;
        source.stop = null;
        options.onError(key, error);
      },
      complete: () => {
        if (ended || sources.get(key) !== source) return;
        // The server ended it, for instance because the role changed.
        source.stop = null;
        setTimeout(() => {
          const isWanted = source.topics.size > 0 && source.stop === null;
          if (isWanted && sources.get(key) === source) start(key, source);
        }, AGAIN_MS);
      },
    });
    source.stop = stop;
  };

  const open = (name: string): void => {
    const key = sourceOf(name);
    if (key === null) return;
    const source = sources.get(key) ?? {
      topics: new Set<string>(),
      stop: null,
      closing: null,
    };
    sources.set(key, source);
    source.topics.add(name);
    if (source.closing !== null) clearTimeout(source.closing);
    source.closing = null;
    if (source.stop === null) start(key, source);
  };

  const close = (name: string): void => {
    const key = sourceOf(name);
    const source = key === null ? undefined : sources.get(key);
    if (key === null || !source) return;
    source.topics.delete(name);
    if (source.topics.size > 0) return;
    const end = () => {
      sources.delete(key);
      source.stop?.();
    };
    if (lingerMs === 0) end();
    else source.closing = setTimeout(end, lingerMs);
  };

  options?.client.on?.("connected", () => {
    connects += 1;
    if (connects === 1) return;
    for (const name of topics.keys()) tell(name, "updated", []);
  });

  return {
    subscribe: async (name, callback) => {
      const { resource } = parseTopic(name);
      if (!Object.hasOwn(schemas, resource)) {
        throw new Error(`There is no resource "${resource}" to listen to.`);
      }
      const topic = topics.get(name) ?? {
        callbacks: new Set<LiveCallback>(),
        pending: null,
        timer: null,
      };
      topics.set(name, topic);
      topic.callbacks.add(callback);
      open(name);
      return nothing;
    },
    unsubscribe: async (name, callback) => {
      const topic = topics.get(name);
      topic?.callbacks.delete(callback);
      if (topic?.callbacks.size === 0) {
        if (topic.timer !== null) clearTimeout(topic.timer);
        topics.delete(name);
        close(name);
      }
      return nothing;
    },
    // To this page only: the server tells the others by itself.
    publish: async (name, { type, payload }) => {
      parseTopic(name);
      tell(name, type, payload?.ids);
      return nothing;
    },
  };
};
