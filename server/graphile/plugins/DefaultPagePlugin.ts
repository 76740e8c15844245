import {
  constant,
  ConstantStep,
  lambda,
  type Step,
} from "postgraphile/grafast";

/** What the plan of a paged field returns: a connection or a plain list. */
type PagedStep = Step & { setFirst(first: Step | number): void };

/**
 * Gives lists that name neither `first` nor `last` a size. A default value of
 * the argument would not do: with `last` given, both would be set.
 */
export function makeDefaultPagePlugin(options: {
  defaultPage: number;
  page: number;
}): GraphileConfig.Plugin {
  const { defaultPage, page } = options;
  return {
    name: "DefaultPagePlugin",
    description: "Gives lists without a page size the default one",
    after: ["PgFirstLastBeforeAfterArgsPlugin"],
    schema: {
      hooks: {
        GraphQLObjectType_fields_field_args: {
          after: ["PgFirstLastBeforeAfterArgsPlugin"],
          callback(args, build, context) {
            const { isPgFieldConnection, isPgFieldSimpleCollection } =
              context.scope;
            if (!isPgFieldConnection && !isPgFieldSimpleCollection) return args;
            const first = args["first"];
            if (first === undefined) return args;
            const { applyPlan: _, ...rest } = first;
            args["first"] = {
              ...rest,
              description: build.wrapDescription(
                `Only read the first \`n\` values of the set: ${defaultPage} when neither \`first\` nor \`last\` is given, at most ${page}.`,
                "arg",
              ),
            };
            return args;
          },
        },
        GraphQLObjectType_fields_field(field, _build, context) {
          const { isPgFieldConnection, isPgFieldSimpleCollection } =
            context.scope;
          if (!isPgFieldConnection && !isPgFieldSimpleCollection) return field;
          const plan = field.plan;
          if (plan === undefined) return field;
          return {
            ...field,
            plan($parent, fieldArgs, info) {
              const $list = plan($parent, fieldArgs, info);
              const $first: Step | undefined = fieldArgs.getRaw("first");
              if (!isPaged($list) || $first === undefined) return $list;
              const $last: Step | undefined = fieldArgs.getRaw("last");
              $list.setFirst(pageOf($first, $last, defaultPage));
              return $list;
            },
          };
        },
      },
    },
  };
}

function isPaged(step: unknown): step is PagedStep {
  return (
    typeof step === "object" &&
    step !== null &&
    "setFirst" in step &&
    typeof step.setFirst === "function"
  );
}

/** Known while planning where it is written out; else decided per request. */
function pageOf(
  $first: Step,
  $last: Step | undefined,
  defaultPage: number,
): Step {
  if ($first instanceof ConstantStep && $first.data != null) return $first;
  const lastIsAbsent =
    $last === undefined ||
    ($last instanceof ConstantStep && $last.data == null);
  if ($first instanceof ConstantStep) {
    if (lastIsAbsent) return constant(defaultPage);
    if ($last instanceof ConstantStep) return $first;
  }
  return lambda(
    [$first, $last ?? constant(null)],
    ([first, last]: readonly unknown[]) =>
      first ?? (last == null ? defaultPage : null),
    true,
  );
}
