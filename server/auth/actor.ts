/** Who is asking: resolved once per request, never changed after. */
export type Actor = {
  /** The database role the request runs as. */
  role: string;
  userId: string | null;
  /** The active brand; null for shoppers and staff. */
  brandId: string | null;
  apiKeyId: string | null;
  scopes: readonly string[];
  /** The staff member behind a "view as" session. */
  impersonatorId: string | null;
  requestId: string;
  /** Hex of the session's token hash; present for cookie sessions only. */
  sessionId?: string | null;
};

export const ANONYMOUS_ROLE = "closetai_anonymous";

/** The actor of a request nobody signed for. */
export function anonymousActor(requestId: string): Actor {
  return {
    role: ANONYMOUS_ROLE,
    userId: null,
    brandId: null,
    apiKeyId: null,
    scopes: [],
    impersonatorId: null,
    requestId,
    sessionId: null,
  };
}

/** A worker acting for a person, e.g. an import run as its member. */
export function actorFor(
  role: string,
  userId: string | null,
  brandId: string | null,
  requestId: string,
): Actor {
  return { ...anonymousActor(requestId), role, userId, brandId };
}
