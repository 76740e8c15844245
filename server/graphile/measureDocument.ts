import {
  type ASTNode,
  type DirectiveNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
} from "postgraphile/graphql";

import {
  type GraphQLLimits,
  MAX_INPUT_DEPTH,
  MAX_INPUT_VALUES,
} from "./limits.ts";

/** Size of an operation as the engine will see it: with every fragment spread. */
export type Measure = {
  selections: number;
  depth: number;
  aliases: number;
  directives: number;
  rootFields: number;
};

/**
 * Measures one operation. Each fragment is measured once and its measure added
 * at every spread, so the work is linear in the document even where the
 * expansion is exponential. A cycle counts as nothing on its second visit: the
 * standard rule refuses it with better words.
 */
export function measureOperation(
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Measure {
  return makeMeasurer(document)(operation);
}

function makeMeasurer(
  document: DocumentNode,
): (operation: OperationDefinitionNode) => Measure {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION)
      fragments.set(definition.name.value, definition);
  }
  const measured = new Map<string, Measure>();

  function ofFragment(name: string): Measure {
    const known = measured.get(name);
    if (known !== undefined) return known;
    measured.set(name, EMPTY);
    const fragment = fragments.get(name);
    if (fragment === undefined) return EMPTY;
    const measure = ofSelections(fragment.selectionSet);
    measure.directives += count(fragment.directives);
    measured.set(name, measure);
    return measure;
  }

  function ofSelections(selectionSet: SelectionSetNode): Measure {
    const total: Measure = { ...EMPTY };
    for (const selection of selectionSet.selections) {
      total.selections += 1;
      total.directives += count(selection.directives);
      switch (selection.kind) {
        case Kind.FIELD: {
          const inner =
            selection.selectionSet === undefined
              ? EMPTY
              : ofSelections(selection.selectionSet);
          const introspects = selection.name.value.startsWith("__");
          total.selections += inner.selections;
          total.directives += inner.directives;
          total.aliases +=
            inner.aliases + (selection.alias === undefined ? 0 : 1);
          total.rootFields += 1;
          // The schema about itself is flat to compute, however deep it is asked.
          if (!introspects)
            total.depth = Math.max(total.depth, inner.depth + 1);
          break;
        }
        case Kind.INLINE_FRAGMENT:
          add(total, ofSelections(selection.selectionSet));
          break;
        case Kind.FRAGMENT_SPREAD:
          add(total, ofFragment(selection.name.value));
          break;
      }
    }
    return total;
  }

  return (operation) => {
    const measure = ofSelections(operation.selectionSet);
    measure.directives += count(operation.directives);
    for (const variable of operation.variableDefinitions ?? [])
      measure.directives += count(variable.directives);
    return measure;
  };
}

const EMPTY: Readonly<Measure> = {
  selections: 0,
  depth: 0,
  aliases: 0,
  directives: 0,
  rootFields: 0,
};

function add(total: Measure, inner: Readonly<Measure>): void {
  total.selections += inner.selections;
  total.directives += inner.directives;
  total.aliases += inner.aliases;
  total.rootFields += inner.rootFields;
  total.depth = Math.max(total.depth, inner.depth);
}

function count(directives: readonly DirectiveNode[] | undefined): number {
  return directives?.length ?? 0;
}

/**
 * What the document alone shows to be too much, before any rule of the standard
 * looks at it. One error per bound that is passed.
 */
export function refuseDocument(
  document: DocumentNode,
  limits: GraphQLLimits,
): GraphQLError[] {
  const errors: GraphQLError[] = [];
  const measure = makeMeasurer(document);
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const size = measure(definition);
    const refuse = (found: number, limit: number, what: string) => {
      if (found > limit)
        errors.push(
          limitError(
            `The operation has ${what}; at most ${limit} are allowed.`,
            [definition],
          ),
        );
    };
    refuse(
      size.selections,
      limits.selections,
      "too many selections once its fragments are spread",
    );
    refuse(size.depth, limits.depth, "too many levels of nested fields");
    refuse(size.aliases, limits.aliases, "too many aliases");
    refuse(size.rootFields, limits.rootFields, "too many root fields");
    refuse(size.directives, limits.directives, "too many directives");
  }
  if (errors.length === 0) {
    const deep = findDeepValue(document);
    if (deep !== null)
      errors.push(
        limitError(
          `An input value is nested too deeply; at most ${MAX_INPUT_DEPTH} levels are allowed.`,
          [deep],
        ),
      );
  }
  return errors;
}

export function limitError(
  message: string,
  nodes?: readonly ASTNode[],
  field?: string,
): GraphQLError {
  return new GraphQLError(message, {
    nodes: nodes ?? null,
    extensions: { code: "LIMIT", ...(field === undefined ? {} : { field }) },
  });
}

function findDeepValue(document: DocumentNode): ASTNode | null {
  // Depth-first over plain nodes; the token limit bounds how deep this recurses.
  const inSelections = (set: SelectionSetNode): ASTNode | null => {
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        for (const argument of selection.arguments ?? []) {
          if (depthOf(argument.value) > MAX_INPUT_DEPTH) return argument;
        }
      }
      if (selection.kind !== Kind.FRAGMENT_SPREAD && selection.selectionSet) {
        const found = inSelections(selection.selectionSet);
        if (found !== null) return found;
      }
    }
    return null;
  };
  for (const definition of document.definitions) {
    if (definition.kind === Kind.OPERATION_DEFINITION) {
      for (const variable of definition.variableDefinitions ?? []) {
        if (
          variable.defaultValue !== undefined &&
          depthOf(variable.defaultValue) > MAX_INPUT_DEPTH
        )
          return variable;
      }
    }
    if (
      definition.kind === Kind.OPERATION_DEFINITION ||
      definition.kind === Kind.FRAGMENT_DEFINITION
    ) {
      const found = inSelections(definition.selectionSet);
      if (found !== null) return found;
    }
  }
  return null;
}

function depthOf(value: ValueNode): number {
  switch (value.kind) {
    case Kind.LIST:
      return 1 + Math.max(0, ...value.values.map(depthOf));
    case Kind.OBJECT:
      return (
        1 + Math.max(0, ...value.fields.map((field) => depthOf(field.value)))
      );
    default:
      return 0;
  }
}

/** Refuses variables that are nested too deeply or hold too many values. */
export function refuseVariables(variables: unknown): GraphQLError | null {
  let values = 0;
  // A list of work, not recursion: the depth is what must not be trusted.
  const rest: { value: unknown; depth: number }[] = [
    { value: variables, depth: 0 },
  ];
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (++values > MAX_INPUT_VALUES)
      return limitError(
        `The variables hold too many values; at most ${MAX_INPUT_VALUES} are allowed.`,
      );
    if (typeof next.value !== "object" || next.value === null) continue;
    if (next.depth > MAX_INPUT_DEPTH)
      return limitError(
        `A variable is nested too deeply; at most ${MAX_INPUT_DEPTH} levels are allowed.`,
      );
    for (const value of Object.values(next.value))
      rest.push({ value, depth: next.depth + 1 });
  }
  return null;
}
