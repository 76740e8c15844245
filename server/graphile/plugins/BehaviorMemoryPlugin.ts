import "postgraphile";

type Behavior = GraphileBuild.Build["behavior"];
type Matches = Behavior["entityMatches"];

/** Behaviors as text, to filter, to the answer. Of all builds of this process. */
const answers = new Map<string, Map<string, ReturnType<Matches>>>();

/** More than any schema has; a process that builds for ever must not grow. */
const MAX_BEHAVIORS = 20_000;

/**
 * Whether a behaviour such as `-insert +select:filter` lets a feature exist is
 * asked a hundred thousand times while a schema is built, and each time both
 * texts are parsed anew: two thirds of the whole build. The answer depends on
 * nothing but the two texts, so it is remembered, also for the next build.
 */
export const BehaviorMemoryPlugin: GraphileConfig.Plugin = {
  name: "BehaviorMemoryPlugin",
  description: "Answers a question about behaviors once",
  schema: {
    hooks: {
      build(build) {
        let behavior: Behavior | undefined;
        // It is made after the last of these hooks, and frozen right away.
        Object.defineProperty(build, "behavior", {
          configurable: true,
          enumerable: true,
          get: () => behavior,
          set: (made: Behavior) => {
            made.entityMatches = remember(made);
            behavior = made;
          },
        });
        return build;
      },
    },
  },
};

function remember(behavior: Behavior): Matches {
  const ask = behavior.entityMatches;
  const asked = new Set<string>();
  return (entityType, entity, filter) => {
    const { behaviorString } = behavior.getBehaviorForEntity(
      entityType,
      entity,
    );
    let known = answers.get(behaviorString);
    if (known === undefined) {
      if (answers.size >= MAX_BEHAVIORS) answers.clear();
      known = new Map();
      answers.set(behaviorString, known);
    }
    // Once per build the engine itself is asked: it takes note of filters, and
    // warns of one that is not meant for this type of entity.
    const question = `${entityType} ${filter}`;
    if (!asked.has(question) || !known.has(filter)) {
      asked.add(question);
      known.set(filter, ask.call(behavior, entityType, entity, filter));
    }
    return known.get(filter);
  };
}
