import { AppError } from "../errors.ts";

const DEFAULT_PATH = "/admin";

/**
 * Where Stripe sends the browser back to: a page of ours. A path of the browser
 * that leads elsewhere ("//evil.example", "/\evil.example") would make our
 * checkout a door to any site.
 */
export function returnUrlOf(
  rootUrl: string,
  path: string | null | undefined,
): string {
  const url = URL.canParse(path ?? DEFAULT_PATH, rootUrl)
    ? new URL(path ?? DEFAULT_PATH, rootUrl)
    : null;
  if (
    url === null ||
    !(path ?? DEFAULT_PATH).startsWith("/") ||
    url.origin !== new URL(rootUrl).origin
  ) {
    throw new AppError("INVAL", "This is no path of this installation", {
      field: "returnPath",
      hint: "Begin it with one slash, e.g. /admin",
    });
  }
  return url.href;
}
