import "postgraphile";

import type { SQL } from "postgraphile/pg-sql2";

import { adminTags, searchFunctionOf } from "./smartTags.ts";

const TYPE = "FullTextFilter";

/**
 * `@admin.search app_hidden.matching_products` on a table gives its filter the
 * field `search`: rows whose key that function answers with. The search vector
 * itself is no column of the API, and a comparison with it could use no index
 * below most policies; the function decides how to find, the policies what.
 */
export const SearchPlugin: GraphileConfig.Plugin = {
  name: "SearchPlugin",
  description:
    "Filters a list by full-text search where a tag names a function",
  schema: {
    hooks: {
      init(_, build) {
        build.registerInputObjectType(
          TYPE,
          {},
          () => ({
            description: "A full-text search.",
            fields: {
              matches: {
                type: build.graphql.GraphQLString,
                description:
                  'Words, beginnings of words, "quoted phrases", or, and -minus.',
              },
            },
          }),
          "SearchPlugin: the filter by words",
        );
        return _;
      },
      GraphQLInputObjectType_fields(fields, build, context) {
        const { pgCodec, isPgConnectionFilter } = context.scope;
        if (!isPgConnectionFilter || !pgCodec?.attributes) return fields;
        const table = Object.values(build.input.pgRegistry.pgResources).find(
          (one) => one.codec === pgCodec && !one.parameters && !one.isVirtual,
        );
        const found = searchFunctionOf(adminTags(table?.extensions?.tags));
        const key = table?.uniques.find(
          (unique) => unique.isPrimary,
        )?.attributes;
        const [column] = key ?? [];
        const type = build.getTypeByName(TYPE);
        if (
          found === null ||
          column === undefined ||
          key?.length !== 1 ||
          !build.graphql.isInputType(type)
        ) {
          return fields;
        }
        const {
          sql,
          dataplanPg: { TYPES, sqlValueWithCodec },
        } = build;
        return build.extend(
          fields,
          {
            search: context.fieldWithHooks({ fieldName: "search" }, () => ({
              description: "Found by these words.",
              type,
              apply(
                rows: { alias: SQL; where(condition: SQL): void },
                given: { matches?: string | null } | null,
              ) {
                const words = given?.matches;
                if (words === undefined || words === null) return;
                rows.where(
                  sql`${rows.alias}.${sql.identifier(column)} = any (array(select ${sql.identifier(...found)}(${sqlValueWithCodec(words, TYPES.text)})))`,
                );
              },
            })),
          },
          `SearchPlugin: search of ${pgCodec.name}`,
        );
      },
    },
  },
};
