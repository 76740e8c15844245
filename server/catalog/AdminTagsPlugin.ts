import "postgraphile";

/**
 * PostGraphile's smart tags have no dot in their names; `@admin.label` would be
 * read as prose. The comments are rewritten as they come from the database, so
 * that `@admin.label` is the tag `admin_label` everywhere after.
 */
export const AdminTagsPlugin: GraphileConfig.Plugin = {
  name: "AdminTagsPlugin",
  description: "Reads @admin.* in comments as smart tags",
  // Comments are read once and remembered: by the first who asks for tags.
  before: ["smart-tags", "PgEnumTablesPlugin", "PgFakeConstraintsPlugin"],
  gather: {
    hooks: {
      pgIntrospection_introspection(_info, { introspection }) {
        for (const comment of introspection.descriptions) {
          comment.description = comment.description?.replace(
            /^([ \t]*@admin)\.([a-zA-Z])/gm,
            "$1_$2",
          );
        }
      },
    },
  },
};
