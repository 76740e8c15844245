/** `season_drops` → "SeasonDrop" for its components; the folder keeps the table's name. */
export const componentName = (type: string): string =>
  type.charAt(0).toUpperCase() + type.slice(1);

/** A text of the catalogue as a TypeScript literal; prettier chooses the quotes. */
export const literal = (text: string): string => JSON.stringify(text);

/** The same inside JSX. A brace keeps quotes and braces in the text harmless. */
export const attribute = (name: string, text: string): string =>
  /["\\{}<>\n]/.test(text) ? `${name}={${literal(text)}}` : `${name}="${text}"`;
