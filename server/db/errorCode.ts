/** The `code` of a system or PostgreSQL error, or null. */
export function errorCode(error: unknown): string | null {
  if (typeof error !== "object" || error === null) return null;
  const code = "code" in error ? error.code : null;
  if (typeof code === "string") return code;
  // Node reports a refused connection to a name with several addresses as an
  // AggregateError whose own code may be missing.
  if (error instanceof AggregateError) return errorCode(error.errors[0]);
  return null;
}

export function errorMessage(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") {
    return error.errors.map(errorMessage).join("; ");
  }
  return error instanceof Error ? error.message : String(error);
}
