import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionSetNode,
} from "postgraphile/graphql";

import {
  type Measure,
  measureOperation,
} from "../../server/graphile/measureDocument.ts";

const FRAGMENTS = 5;

/** A selection set of fields, aliases, directives, inline fragments and spreads. */
function selections(spreads: readonly number[]): fc.Arbitrary<string> {
  const { body } = fc.letrec<{ body: string; selection: string }>((tie) => ({
    body: fc
      .array(tie("selection"), { minLength: 1, maxLength: 4 })
      .map((list) => `{ ${list.join(" ")} }`),
    selection: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      fc.constantFrom("a", "b", "c: a", "a @include(if: true)", "__typename"),
      ...(spreads.length === 0
        ? []
        : [
            fc.constantFrom(
              ...spreads.flatMap((at) => [
                `...F${at}`,
                `...F${at} @skip(if: false)`,
              ]),
            ),
          ]),
      tie("body").map((inner) => `d ${inner}`),
      tie("body").map((inner) => `e: d @include(if: true) ${inner}`),
      tie("body").map((inner) => `__schema ${inner}`),
      tie("body").map((inner) => `... on T ${inner}`),
    ),
  }));
  return body;
}

/** Fragments that spread only later ones: large when expanded, never a circle. */
const acyclic = fc
  .tuple(
    ...Array.from({ length: FRAGMENTS + 1 }, (_, at) =>
      selections(
        Array.from({ length: FRAGMENTS - at }, (_ignored, later) => at + later),
      ),
    ),
  )
  .map(([operation, ...fragments]) =>
    [
      `query ${operation ?? ""}`,
      ...fragments.map((body, at) => `fragment F${at} on T ${body}`),
    ].join("\n"),
  );

/** The same, by writing every fragment out where it is spread. */
function measureByExpanding(document: DocumentNode): Measure {
  const fragments = new Map(
    document.definitions
      .filter(
        (definition): definition is FragmentDefinitionNode =>
          definition.kind === Kind.FRAGMENT_DEFINITION,
      )
      .map((definition) => [definition.name.value, definition]),
  );
  const measure: Measure = {
    selections: 0,
    depth: 0,
    aliases: 0,
    directives: 0,
    rootFields: 0,
  };
  const walk = (set: SelectionSetNode, level: number, exempt: boolean) => {
    for (const selection of set.selections) {
      measure.selections += 1;
      measure.directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FIELD) {
        const hidden = exempt || selection.name.value.startsWith("__");
        if (level === 0) measure.rootFields += 1;
        if (selection.alias !== undefined) measure.aliases += 1;
        if (!hidden) measure.depth = Math.max(measure.depth, level + 1);
        if (selection.selectionSet !== undefined)
          walk(selection.selectionSet, level + 1, hidden);
        continue;
      }
      const target =
        selection.kind === Kind.INLINE_FRAGMENT
          ? selection
          : fragments.get(selection.name.value);
      if (target !== undefined) walk(target.selectionSet, level, exempt);
    }
  };
  walk(operationOf(document).selectionSet, 0, false);
  return measure;
}

function operationOf(document: DocumentNode): OperationDefinitionNode {
  const [first] = document.definitions;
  if (first?.kind !== Kind.OPERATION_DEFINITION)
    throw new Error("no operation");
  return first;
}

describe("the measure of an operation", () => {
  it("is what writing every fragment out would count", () => {
    fc.assert(
      fc.property(acyclic, (text) => {
        const document = parse(text);
        expect(measureOperation(document, operationOf(document))).toEqual(
          measureByExpanding(document),
        );
      }),
      { numRuns: 200 },
    );
  });

  it("comes to an end where fragments go in circles or do not exist", () => {
    const anything = fc
      .tuple(
        ...Array.from({ length: FRAGMENTS + 1 }, () =>
          selections(Array.from({ length: FRAGMENTS + 2 }, (_, at) => at)),
        ),
      )
      .map(([operation, ...fragments]) =>
        [
          `query ${operation ?? ""}`,
          ...fragments.map((body, at) => `fragment F${at} on T ${body}`),
        ].join("\n"),
      );
    fc.assert(
      fc.property(anything, (text) => {
        const document = parse(text);
        const measure = measureOperation(document, operationOf(document));
        expect(measure.selections).toBeGreaterThan(0);
      }),
      { numRuns: 200 },
    );
  });

  it("takes no longer where the expansion is beyond counting", () => {
    const levels = 1_000;
    const document = parse(
      [
        "query { ...F0 }",
        ...Array.from(
          { length: levels },
          (_, at) => `fragment F${at} on T { ...F${at + 1} ...F${at + 1} }`,
        ),
        `fragment F${levels} on T { a }`,
      ].join("\n"),
    );
    const { selections: found } = measureOperation(
      document,
      operationOf(document),
    );
    expect(found).toBeGreaterThan(Number.MAX_SAFE_INTEGER);
  });
});
