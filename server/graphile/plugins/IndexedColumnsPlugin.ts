import "postgraphile";

type Column = Parameters<
  GraphileConfig.GatherHooks["pgCodecs_attribute"]
>[0]["pgAttribute"];
type Table = NonNullable<ReturnType<Column["getClass"]>>;
type Index = ReturnType<Table["getIndexes"]>[number];

/** Tables, materialized views, foreign tables, partitioned tables. */
const WITH_INDEXES = new Set(["r", "m", "f", "p"]);
const VIEW = "v";

/**
 * Filters and orders exist where an index is; this says so too of what
 * PgIndexBehaviorsPlugin passes over. A partitioned table has the indexes of its
 * parent. A view has none, and what its columns cost nobody can tell from outside:
 * they are offered where a comment says `@isIndexed`. An index of the rows in which
 * its first column has a value serves that column, and foreign keys on it, as a
 * whole one does: equality and every operator but `isNull` ask for a value.
 */
export const IndexedColumnsPlugin: GraphileConfig.Plugin = {
  name: "IndexedColumnsPlugin",
  description:
    "Filters and orders of partitioned tables, views and partial indexes",
  // What is decided here stands: the other plugin only fills in what is open.
  after: ["smart-tags"],
  before: ["PgIndexBehaviorsPlugin"],
  gather: {
    hooks: {
      pgCodecs_attribute(_info, { attribute, pgAttribute }) {
        const table = pgAttribute.getClass();
        const isIndexed = table && serves(table, pgAttribute);
        if (isIndexed === undefined) return;
        attribute.extensions ??= Object.create(null) as object;
        attribute.extensions.isIndexed ??= isIndexed;
      },
      pgRelations_relation(_info, { relation, pgConstraint }) {
        // The foreign key of a view is a comment, and has no index by nature.
        if (!relation.isReferencee || pgConstraint._id.startsWith("FAKE_"))
          return;
        const table = pgConstraint.getClass();
        const columns = pgConstraint.getAttributes();
        if (!table || !columns || !WITH_INDEXES.has(table.relkind)) return;
        relation.extensions ??= Object.create(null) as object;
        relation.extensions.isIndexed ??= table
          .getIndexes()
          .some((index) => isWhole(index, columns) && covers(index, columns));
      },
    },
  },
};

/** Whether a filter or an order of the column is cheap; undefined: not for us to say. */
function serves(table: Table, column: Column): boolean | undefined {
  if (table.relkind === VIEW) return false;
  if (!WITH_INDEXES.has(table.relkind)) return undefined;
  return table
    .getIndexes()
    .some((index) =>
      index.indpred === null
        ? covers(index, [column])
        : isOfValues(index) && index.indkey[0] === column.attnum,
    );
}

function covers(index: Index, columns: readonly Column[]): boolean {
  return columns.every(({ attnum }) => keysOf(index).includes(attnum));
}

/** Without the columns an index only carries along. */
function keysOf({ indkey, indnkeyatts }: Index): readonly number[] {
  return indkey.slice(0, indnkeyatts ?? indkey.length);
}

/** No row that has values in these columns is missing from the index. */
function isWhole(index: Index, columns: readonly Column[]): boolean {
  return (
    index.indpred === null ||
    (isOfValues(index) &&
      columns.some(({ attnum }) => attnum === index.indkey[0]))
  );
}

/**
 * Whether the condition of a partial index is "<its first column> is not null" and
 * nothing more. The catalogue gives a condition as the parser's tree: a null test
 * of type 1 (is not null) of one variable, the number of a column.
 */
function isOfValues({ indpred, indkey }: Index): boolean {
  const [, column] =
    /^\{NULLTEST :arg \{VAR [^{}]*:varattno (\d+) [^{}]*\} :nulltesttype 1 [^{}]*\}$/.exec(
      indpred ?? "",
    ) ?? [];
  return column !== undefined && Number(column) === indkey[0];
}
