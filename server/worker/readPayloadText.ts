/** A text of a job's payload; a job without it is poison and says so. */
export function readPayloadText(payload: unknown, key: string): string {
  const value =
    typeof payload === "object" && payload !== null
      ? (payload as Record<string, unknown>)[key]
      : undefined;
  if (typeof value !== "string") {
    throw new Error(`The job's payload lacks the text "${key}"`);
  }
  return value;
}
