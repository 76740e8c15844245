import "postgraphile";

declare global {
  namespace GraphileBuild {
    interface BehaviorStrings {
      "manyRelation:aggregates:orderBy": true;
      "resource:aggregates:filterBy": true;
    }
  }
}

/**
 * Ordering and filtering by related aggregates multiply every table with its
 * neighbours, and each answer is a sum over rows nobody asked to see. They exist
 * where a comment asks: `@backwardBehavior +manyRelation:aggregates:orderBy` on
 * a foreign key, `@behavior +resource:aggregates:filterBy` on a table. Whether
 * related rows exist, and how they are, can be asked of every relation.
 */
export const LeanSchemaPlugin: GraphileConfig.Plugin = {
  name: "LeanSchemaPlugin",
  description:
    "Leaves multiplying features out unless a smart tag asks for them",
  schema: {
    entityBehavior: {
      pgCodecRelation: {
        inferred: {
          after: ["inferred"],
          provides: ["postInferred"],
          callback: (behavior) => [
            behavior,
            "-manyRelation:aggregates:orderBy",
          ],
        },
      },
      pgResource: {
        inferred: {
          after: ["inferred"],
          provides: ["postInferred"],
          callback: (behavior) => [behavior, "-resource:aggregates:filterBy"],
        },
      },
    },
  },
};
