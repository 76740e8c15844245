/** PostGraphile's own rule for enum values: `rowId` → `ROW_ID`, `line2` → `LINE2`. */
export const constantCase = (name: string): string =>
  name
    .replace(/[^a-zA-Z0-9_]+/g, "_")
    .replace(/[A-Z]+/g, "_$&")
    .replace(/__+/g, "_")
    .replace(/^[^a-zA-Z0-9]+/, "")
    .replace(/^[0-9]/, "_$&")
    .toUpperCase();

export const camelCase = (name: string): string =>
  name.replace(/[-_]+([a-zA-Z0-9])/g, (_match, letter: string) =>
    letter.toUpperCase(),
  );

export const upperFirst = (name: string): string =>
  name.charAt(0).toUpperCase() + name.slice(1);

export const lowerFirst = (name: string): string =>
  name.charAt(0).toLowerCase() + name.slice(1);

const graphqlName = /^[_A-Za-z][_0-9A-Za-z]*$/;

export const isGraphQLName = (name: string): boolean => graphqlName.test(name);

/** Names become part of a query's text, so nothing else may pass. */
export const assertGraphQLName = (name: string, what: string): string => {
  if (!isGraphQLName(name)) {
    throw new Error(
      `"${name}" is not a GraphQL name, so it cannot be ${what}.`,
    );
  }
  return name;
};

/** FNV-1a: a short stable mark for query texts that share a resource and a verb. */
export const shortHash = (text: string): string => {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0).toString(36);
};
