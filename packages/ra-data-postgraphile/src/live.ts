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
  /** The argument that takes the record's id, and its type; none for a whole table. */
  argument?: { name: string; type: string };
  /** What is read of the event: at least one field. Default `__typename`. */
  selection?: string;
  /** The ids in the event, where it tells them. */
  ids?: (event: unknown) => readonly Identifier[];
};

/** Resource → what tells of its records, one by one or all together. */
export type LiveFields = Readonly<
  Record<string, { list?: LiveField; record?: LiveField }>
>;

export type LiveOptions = {
  client: LiveClient;
  fields: LiveFields;
  /** Events within this time are told as one. Default 250. */
  coalesceMs?: number;
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
  const hasArgument = argument !== undefined && id !== null;
  const operationName = `${upperFirst(field.field)}_live`;
  return {
    operationName,
    query: `subscription ${operationName}${hasArgument ? `($id: ${argument.type})` : ""} { ${field.field}${hasArgument ? `(${argument.name}: $id)` : ""} { ${field.selection ?? "__typename"} } }`,
    variables: hasArgument ? { id } : {},
    field,
  };
};

type Topic = {
  callbacks: Set<LiveCallback>;
  stop: (() => void) | null;
  pending: { type: string; ids: Set<Identifier> | null } | null;
  timer: ReturnType<typeof setTimeout> | null;
};

const nothing = { data: null } as const;

/**
 * One subscription for each topic, however many listen; events of a moment are
 * told as one. Events carry ids, never data: what changed is read anew, as the
 * person who reads it. After a reconnect every topic is told once, because what
 * happened meanwhile was not heard.
 */
export const makeLive = (
  schemas: ResourceSchemas,
  options: LiveOptions | null,
): Live => {
  const coalesceMs = options?.coalesceMs ?? 250;
  const topics = new Map<string, Topic>();
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

  const start = (name: string): (() => void) | null => {
    if (!options) return null;
    const { client, fields, onError } = options;
    const subscription = buildSubscription(fields, name);
    if (!subscription) return null;
    const { field, ...payload } = subscription;
    const { id } = parseTopic(name);
    return client.subscribe(payload, {
      next: ({ data, errors }) => {
        if (errors) {
          onError(name, errors);
          return;
        }
        const event = (data as Record<string, unknown> | null | undefined)?.[
          field.field
        ];
        tell(name, "updated", field.ids?.(event) ?? (id === null ? [] : [id]));
      },
      error: (error) => onError(name, error),
      complete: () => {
        // The next one who listens begins anew.
        const topic = topics.get(name);
        if (topic) topic.stop = null;
      },
    });
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
        stop: null,
        pending: null,
        timer: null,
      };
      topics.set(name, topic);
      topic.callbacks.add(callback);
      topic.stop ??= start(name);
      return nothing;
    },
    unsubscribe: async (name, callback) => {
      const topic = topics.get(name);
      topic?.callbacks.delete(callback);
      if (topic?.callbacks.size === 0) {
        if (topic.timer !== null) clearTimeout(topic.timer);
        topic.stop?.();
        topics.delete(name);
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
