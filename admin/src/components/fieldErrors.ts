import { HttpError } from "react-admin";

/** What a refusal says of one field of a form, in the server's words. */
export const fieldError = (error: unknown, field: string): string | null => {
  if (!(error instanceof HttpError)) return null;
  const body = error.body as { errors?: Record<string, unknown> } | null;
  const told = body?.errors?.[field];
  return typeof told === "string" ? told : null;
};
