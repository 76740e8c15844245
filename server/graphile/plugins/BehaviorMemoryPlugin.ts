import "postgraphile";

type Behavior = GraphileBuild.Build["behavior"];
type Matches = Behavior["entityMatches"];

/**
 * Whether a behaviour such as `-insert +select:filter` lets a feature exist is
 * asked a hundred thousand times while a schema is built, and each time both
 * texts are parsed anew: two thirds of the whole build. The answer depends on
 * nothing but the two texts, so it is remembered for the length of the build.
 */
export const BehaviorMemoryPlugin: GraphileConfig.Plugin = {
  name: "BehaviorMemoryPlugin",
  description: "Answers a question about behaviors once per build",
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
  const answers = new Map<string, Map<string, ReturnType<Matches>>>();
  return (entityType, entity, filter) => {
    const { behaviorString } = behavior.getBehaviorForEntity(
      entityType,
      entity,
    );
    // The engine warns of a filter that is unknown for a type of entity.
    const question = `${entityType} ${filter}`;
    let known = answers.get(question);
    if (known === undefined) {
      known = new Map();
      answers.set(question, known);
    }
    if (!known.has(behaviorString)) {
      known.set(behaviorString, ask.call(behavior, entityType, entity, filter));
    }
    return known.get(behaviorString);
  };
}
