/** How a change reads: colours follow the tone, the sign stands without them. */
export type Tone =
  /** Something new, or no longer there. */
  | "plain"
  /** Somebody may do more than before. */
  | "widened"
  /** Somebody may do less than before. */
  | "narrowed"
  /** Clients that worked may fail. */
  | "breaking"
  /** To be looked at by a person. */
  | "notable";

export type Change = {
  sign: "+" | "-" | "~";
  text: string;
  tone: Tone;
};

/** The keys of both, sorted. */
export function keysOf(...records: readonly object[]): string[] {
  return [...new Set(records.flatMap((record) => Object.keys(record)))].sort();
}
