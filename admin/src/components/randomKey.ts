/**
 * A key that makes a repeated request the same request. Not randomUUID: that is
 * missing where the admin is served without TLS under another name than localhost.
 */
export const randomKey = (): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
