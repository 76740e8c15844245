import {
  findBreakingChanges,
  findDangerousChanges,
  type GraphQLNamedType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from "graphql";

import { type Change, keysOf } from "./changes.ts";

/**
 * What a client of the API notices. Every table brings dozens of types for
 * filters, orders and aggregates: those are counted, not listed.
 */
export function compareSchemas(
  before: GraphQLSchema,
  after: GraphQLSchema,
): Change[] {
  const was = before.getTypeMap();
  const is = after.getTypeMap();
  const changes: Change[] = [];
  const hidden = { "+": 0, "-": 0, "~": 0 };
  const note = (change: Change, shown: boolean) => {
    if (shown) changes.push(change);
    else hidden[change.sign]++;
  };

  const breaking = findBreakingChanges(before, after);
  const removed = new Set(
    keysOf(was, is).filter((name) => !Object.hasOwn(is, name)),
  );
  for (const { description } of breaking) {
    const type = typeNamedIn(description);
    // A type that is gone is told once, below, and not for each of its fields.
    if (type !== undefined && removed.has(type)) continue;
    note(
      { sign: "-", text: `${description} (breaking)`, tone: "breaking" },
      type === undefined || isShown(was[type]),
    );
  }

  for (const name of keysOf(was, is)) {
    const from = was[name];
    const to = is[name];
    if (from === undefined && to !== undefined) {
      const count = fieldsOf(to).size;
      note(
        {
          sign: "+",
          text: isEnumType(to)
            ? `enum ${name} (${[...fieldsOf(to).keys()].join(", ")})`
            : `type ${name} (${count} fields)`,
          tone: "plain",
        },
        isShown(to),
      );
    } else if (to === undefined && from !== undefined) {
      note(
        { sign: "-", text: `type ${name} (breaking)`, tone: "breaking" },
        isShown(from),
      );
    } else if (from !== undefined && to !== undefined) {
      for (const change of compareFields(name, from, to, breaking)) {
        note(change, isShown(to));
      }
    }
  }

  const added = new Set(changes.map(({ text }) => text));
  for (const { description } of findDangerousChanges(before, after)) {
    const type = typeNamedIn(description);
    const shown = type === undefined || isShown(is[type]);
    if (added.has(description)) continue;
    note(
      { sign: "~", text: `${description} (may break)`, tone: "notable" },
      shown,
    );
  }

  for (const [sign, count] of Object.entries(hidden)) {
    if (count === 0) continue;
    changes.push({
      sign: sign as Change["sign"],
      text: `${count} more, of filters, orders, aggregates, inputs and payloads`,
      tone: "plain",
    });
  }
  return changes;
}

/** Of whom a sentence of graphql-js speaks; it has nothing but the sentence. */
function typeNamedIn(description: string): string | undefined {
  return (
    /\b(?:(?:enum|union|input) type|arg \w+ on|to interface) ([A-Za-z_]\w*)/.exec(
      description,
    )?.[1] ??
    /^([A-Za-z_]\w*)(?:\.| was| changed| no longer)/.exec(description)?.[1]
  );
}

/** What a person names: tables, roots, and closed sets of values. */
function isShown(type: GraphQLNamedType | undefined): boolean {
  if (type === undefined) return true;
  if (isEnumType(type)) return !/(?:OrderBy|GroupBy)$/.test(type.name);
  if (!isObjectType(type)) return false;
  return (
    ["Query", "Mutation", "Subscription"].includes(type.name) ||
    type.getInterfaces().some(({ name }) => name === "Node")
  );
}

/** Field or value to its type, as text. */
function fieldsOf(type: GraphQLNamedType): Map<string, string> {
  if (isEnumType(type)) {
    return new Map(type.getValues().map(({ name }) => [name, ""]));
  }
  if (isObjectType(type) || isInterfaceType(type) || isInputObjectType(type)) {
    return new Map(
      Object.values(type.getFields()).map((field) => [
        field.name,
        String(field.type),
      ]),
    );
  }
  return new Map();
}

function compareFields(
  type: string,
  before: GraphQLNamedType,
  after: GraphQLNamedType,
  breaking: readonly { description: string }[],
): Change[] {
  const was = fieldsOf(before);
  const is = fieldsOf(after);
  const changes: Change[] = [];
  for (const [name, to] of is) {
    const from = was.get(name);
    if (from === undefined) {
      const typed = to === "" ? "" : `: ${to}`;
      changes.push({
        sign: "+",
        text: `${type}.${name}${typed}`,
        tone: "plain",
      });
    } else if (from !== to) {
      const told = breaking.some(({ description }) =>
        description.startsWith(`${type}.${name} changed type`),
      );
      if (told) continue;
      changes.push({
        sign: "~",
        text: `${type}.${name}: ${from} → ${to}`,
        tone: "plain",
      });
    }
  }
  return changes;
}
