import "postgraphile";

declare global {
  namespace GraphileBuild {
    interface BehaviorStrings {
      "manyRelation:aggregates:orderBy": true;
    }
  }
}

/**
 * Filtering by relations, and ordering and filtering by related aggregates,
 * multiply every table with its neighbours: at 60 tables the schema takes
 * seconds to build and any of them can be a slow query. They exist where the
 * comment of a foreign key asks: `@behavior +filterBy`, or
 * `@backwardBehavior +manyRelation:aggregates:orderBy`.
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
            "-filterBy",
            "-manyRelation:aggregates:orderBy",
          ],
        },
      },
    },
  },
};
