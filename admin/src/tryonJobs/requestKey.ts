const random = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");

/**
 * The key under which a form asks: one for the life of the form and what it
 * says, so that a double click, or a second try after an answer that was lost,
 * makes one job. Another request is another job, and has another key.
 */
export function makeRequestKeys(make: () => string = random) {
  const known = new Map<string, string>();
  return (request: Readonly<Record<string, unknown>>): string => {
    const content = JSON.stringify(request);
    const key = known.get(content) ?? make();
    known.set(content, key);
    return key;
  };
}
