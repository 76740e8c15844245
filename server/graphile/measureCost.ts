import {
  type FieldNode,
  type FragmentDefinitionNode,
  getNamedType,
  getNullableType,
  type GraphQLCompositeType,
  GraphQLError,
  type GraphQLField,
  type GraphQLSchema,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from "postgraphile/graphql";

import type { GraphQLLimits } from "./limits.ts";
import { limitError } from "./measureDocument.ts";

type Fragments = Readonly<Record<string, FragmentDefinitionNode>>;
type Variables = Readonly<Record<string, unknown>>;

/** Where a number comes from: written in the document, or in a variable. */
type Source = { value: unknown } | { variable: string } | null;

/** The lists of an operation and how they nest; everything else is left out. */
type ListNode = {
  node: FieldNode;
  first: Source;
  last: Source;
  offset: Source;
  inner: readonly ListNode[];
};

/**
 * The cost of an operation is the number of rows it may read: a list costs its
 * page size times the cost of the lists inside each row; neighbours add up.
 * Variables are honoured, so it is judged per request; the shape is remembered
 * per operation.
 */
const shapes = new WeakMap<OperationDefinitionNode, readonly ListNode[]>();

export function refuseCost(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
  variables: Variables,
  limits: GraphQLLimits,
): GraphQLError | null {
  let shape = shapes.get(operation);
  if (shape === undefined) {
    shape = shapeOf(schema, operation, fragments);
    shapes.set(operation, shape);
  }
  if (shape.length === 0) return null;
  const refused: { error: GraphQLError | null } = { error: null };
  const cost = sum(shape, variables, limits, refused);
  if (refused.error !== null) return refused.error;
  if (cost > limits.cost)
    return limitError(
      `The operation may read ${Number.isSafeInteger(cost) ? cost : "countless"} rows; at most ${limits.cost} are allowed. Ask for smaller pages.`,
      [operation],
      "first",
    );
  return null;
}

function sum(
  lists: readonly ListNode[],
  variables: Variables,
  limits: GraphQLLimits,
  refused: { error: GraphQLError | null },
): number {
  let total = 0;
  for (const list of lists) {
    const size = pageSize(list, variables, limits, refused);
    if (refused.error !== null) return 0;
    total += size * Math.max(1, sum(list.inner, variables, limits, refused));
    if (refused.error !== null) return 0;
  }
  return total;
}

function pageSize(
  list: ListNode,
  variables: Variables,
  limits: GraphQLLimits,
  refused: { error: GraphQLError | null },
): number {
  let size: number | null = null;
  for (const name of ["first", "last", "offset"] as const) {
    const value = resolve(list[name], variables);
    if (typeof value !== "number") continue;
    if (value < 0) {
      refused.error = new GraphQLError(`"${name}" must not be negative.`, {
        nodes: list.node,
        extensions: { code: "INVAL", field: name },
      });
      return 0;
    }
    if (name === "offset") continue;
    if (value > limits.page) {
      refused.error = limitError(
        `"${name}" is ${value}; one page holds at most ${limits.page}.`,
        [list.node],
        name,
      );
      return 0;
    }
    size = Math.max(size ?? 0, value);
  }
  return size ?? limits.defaultPage;
}

function resolve(source: Source, variables: Variables): unknown {
  if (source === null) return null;
  return "variable" in source ? variables[source.variable] : source.value;
}

function shapeOf(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  fragments: Fragments,
): readonly ListNode[] {
  const root = schema.getRootType(operation.operation);
  return root == null
    ? []
    : listsIn(schema, root, operation.selectionSet, fragments);
}

/** Only reached after the selection limit: the expansion is bounded. */
function listsIn(
  schema: GraphQLSchema,
  parent: GraphQLCompositeType,
  selectionSet: SelectionSetNode,
  fragments: Fragments,
): ListNode[] {
  const lists: ListNode[] = [];
  for (const selection of selectionSet.selections) {
    if (selection.kind === Kind.FIELD) {
      if (selection.selectionSet === undefined) continue;
      const name = selection.name.value;
      if (name.startsWith("__")) continue;
      if (!isObjectType(parent) && !isInterfaceType(parent)) continue;
      const field = parent.getFields()[name];
      if (field === undefined) continue;
      const type = getNamedType(field.type);
      if (!isCompositeType(type)) continue;
      const inner = listsIn(schema, type, selection.selectionSet, fragments);
      if (!isPaged(parent, field)) {
        lists.push(...inner);
        continue;
      }
      lists.push({
        node: selection,
        first: argument(selection, field, "first"),
        last: argument(selection, field, "last"),
        offset: argument(selection, field, "offset"),
        inner,
      });
      continue;
    }
    const target =
      selection.kind === Kind.INLINE_FRAGMENT
        ? selection
        : fragments[selection.name.value];
    if (target === undefined) continue;
    const condition =
      target.typeCondition === undefined
        ? parent
        : schema.getType(target.typeCondition.name.value);
    if (isCompositeType(condition))
      lists.push(...listsIn(schema, condition, target.selectionSet, fragments));
  }
  return lists;
}

/**
 * A connection counts once, at the field that returns it, and not again at its
 * `nodes` and `edges`. Any other list of objects counts too, e.g. the groups of
 * grouped aggregates.
 */
function isPaged(
  parent: GraphQLCompositeType,
  field: GraphQLField<unknown, unknown>,
): boolean {
  const type = getNamedType(field.type);
  if (isConnection(type)) return true;
  if (!isListType(getNullableType(field.type))) return false;
  return !(isConnection(parent) && ["nodes", "edges"].includes(field.name));
}

function isConnection(type: unknown): boolean {
  return isObjectType(type) && "pageInfo" in type.getFields();
}

function argument(
  node: FieldNode,
  field: GraphQLField<unknown, unknown>,
  name: string,
): Source {
  const given = node.arguments?.find((each) => each.name.value === name);
  if (given !== undefined) return sourceOf(given.value);
  const fallback = field.args.find((each) => each.name === name)?.defaultValue;
  return fallback === undefined ? null : { value: fallback };
}

function sourceOf(value: ValueNode): Source {
  switch (value.kind) {
    case Kind.VARIABLE:
      return { variable: value.name.value };
    case Kind.INT:
      return { value: Number(value.value) };
    default:
      return null;
  }
}
