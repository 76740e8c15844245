import { DEFAULT_LIMITS } from "../config.ts";
import type { Actor } from "./actor.ts";

/**
 * The only writer of settings. Every key is always present, so that nothing a
 * pooled connection did before can shine through; absent is the empty string,
 * as PostgreSQL itself leaves a setting that was used and reset. The role comes
 * last: what stands before it is set by the login role.
 *
 * statement_timeout must stand here: elsewhere PostGraphile ignores it.
 */
export function pgSettingsFor(
  actor: Actor,
  statementMs: number = DEFAULT_LIMITS.statementMs,
): Record<string, string> {
  return {
    "app.user_id": actor.userId ?? "",
    "app.brand_id": actor.brandId ?? "",
    "app.api_key_id": actor.apiKeyId ?? "",
    "app.scopes": actor.scopes.join(","),
    "app.impersonator_id": actor.impersonatorId ?? "",
    "app.request_id": actor.requestId,
    statement_timeout: `${statementMs}ms`,
    role: actor.role,
  };
}
