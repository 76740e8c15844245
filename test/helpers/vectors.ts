import { createHash } from "node:crypto";

export const DIMENSIONS = 768;

/** Numbers between -1 and 1 that follow from the name alone, as `real` holds them. */
export function vectorOf(name: string): number[] {
  const bytes: number[] = [];
  for (let round = 0; bytes.length < DIMENSIONS * 2; round++) {
    bytes.push(...createHash("sha512").update(`${name}:${round}`).digest());
  }
  return Array.from({ length: DIMENSIONS }, (_, at) => {
    const high = bytes[2 * at] ?? 0;
    const low = bytes[2 * at + 1] ?? 0;
    return Math.fround((high * 256 + low) / 32767.5 - 1);
  });
}

/** Between two vectors: 0 is the first, 1 the second. */
export function between(
  from: readonly number[],
  to: readonly number[],
  share: number,
): number[] {
  return from.map((value, at) =>
    Math.fround(value * (1 - share) + (to[at] ?? 0) * share),
  );
}

/** The definition, in plain arithmetic: what the database must agree with. */
export function cosineDistance(
  one: readonly number[],
  other: readonly number[],
): number {
  let dot = 0;
  let squareOne = 0;
  let squareOther = 0;
  one.forEach((value, at) => {
    const beside = other[at] ?? 0;
    dot += value * beside;
    squareOne += value * value;
    squareOther += beside * beside;
  });
  const cosine = dot / Math.sqrt(squareOne) / Math.sqrt(squareOther);
  return Math.min(2, Math.max(0, 1 - cosine));
}
