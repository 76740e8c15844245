import type { AdminCatalog, AdminResource } from "../adopt.ts";
import type { FilterField } from "./operators.ts";
import { filterable } from "./operators.ts";

const sentence = (name: string): string =>
  name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

/** What only the other end of a relation says; it is read through a path. */
const asRelated = (
  field: FilterField,
  path: string,
  label: string,
): FilterField => ({
  ...field,
  name: `${path}.${field.name}`,
  label: `${label} › ${field.label}`,
  // "Is empty" would not say whether the record or its value is missing, and
  // the words in use are grouped in the other table's list, not in this one.
  nullable: false,
  group: false,
});

/** Columns of the records this one names: those their own list shows. */
function throughReferences(
  catalog: AdminCatalog,
  resource: AdminResource,
): FilterField[] {
  return resource.fields.flatMap((field) => {
    const { reference } = field;
    const target = catalog.byName.get(reference?.resource ?? "");
    if (
      reference?.relation == null ||
      target === undefined ||
      field.hidden ||
      target.name === resource.name ||
      resource.schema.relations[reference.relation] === undefined
    ) {
      return [];
    }
    const { relation } = reference;
    return filterable(target)
      .filter(
        ({ name, reference: further }) =>
          further === null &&
          (name === target.represent || target.list.includes(name)),
      )
      .map((one) => asRelated(one, relation, field.label));
  });
}

/** Whether records of another table point here. */
function existences(
  catalog: AdminCatalog,
  resource: AdminResource,
): FilterField[] {
  const collections = Object.entries(resource.schema.collections);
  return collections.flatMap(([name, { resource: from, exists }]) => {
    const target = catalog.byName.get(from);
    const [like] = resource.fields;
    if (target === undefined || target.hidden || exists === null || !like) {
      return [];
    }
    const isAlone =
      collections.filter(([, other]) => other.resource === from).length === 1;
    return [
      {
        ...like,
        name,
        column: name,
        label: isAlone ? target.label : `${target.label} (${sentence(name)})`,
        reference: null,
        values: null,
        widget: null,
        filter: true,
        hidden: false,
        asks: "existence" as const,
      },
    ];
  });
}

/** What a list can be asked beyond its own columns. */
export const relatedFields = (
  catalog: AdminCatalog,
  resource: AdminResource,
): FilterField[] => [
  ...throughReferences(catalog, resource),
  ...existences(catalog, resource),
];
