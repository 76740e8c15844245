import {
  constant,
  type ExecutionDetails,
  type Maybe,
  Step,
} from "postgraphile/grafast";

import { AppError } from "../../errors/AppError.ts";

/**
 * Grouped aggregates take no page: grouping by a key would read a whole table
 * into one answer. The database stops one group past the limit, and an answer
 * that reached it is refused: a cut list of figures would be wrong in silence.
 */
export function makeGroupLimitPlugin(options: {
  page: number;
}): GraphileConfig.Plugin {
  return {
    name: "GroupLimitPlugin",
    description: "Bounds how many groups grouped aggregates may return",
    schema: {
      hooks: {
        GraphQLObjectType_fields_field(field, _build, context) {
          const { isConnectionType, fieldName } = context.scope;
          if (!isConnectionType) return field;
          if (fieldName !== "groupedAggregates") return field;
          const plan = field.plan;
          if (plan === undefined) return field;
          return {
            ...field,
            plan($parent, fieldArgs, info) {
              const $groups = plan($parent, fieldArgs, info);
              $groups.setFirst(constant(options.page + 1));
              fieldArgs.autoApply($groups);
              return new BoundedListStep($groups, options.page);
            },
          };
        },
      },
    },
  };
}

/** Passes a list of groups on, or refuses it when it holds more than `limit`. */
class BoundedListStep extends Step<Maybe<readonly unknown[]>> {
  static override $$export = {
    moduleName: "closetai-admin/GroupLimitPlugin",
    exportName: "BoundedListStep",
  };
  // It throws: the engine must not take its values for good unseen.
  override isSyncAndSafe = false;
  private readonly limit: number;

  constructor($groups: GroupsStep, limit: number) {
    super();
    this.limit = limit;
    this.addDependency($groups.items());
  }

  listItem($item: Step): Step {
    return this.getDepOptions<RowsStep>(0).step.listItem($item);
  }

  override execute({
    indexMap,
    values: [rows],
  }: ExecutionDetails<[Maybe<readonly unknown[]>]>) {
    return indexMap((index) => {
      const groups = rows.at(index);
      if (groups != null && groups.length > this.limit)
        throw new AppError(
          "LIMIT",
          `This groups into more than ${this.limit} groups.`,
          {
            field: "groupBy",
            hint: "Group by something coarser, or narrow the filter.",
          },
        );
      return groups;
    });
  }
}

type RowsStep = Step<Maybe<readonly unknown[]>> & {
  listItem($item: Step): Step;
};
type GroupsStep = Step & {
  setFirst(first: Step): void;
  items(): RowsStep;
};
