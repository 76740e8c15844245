import { AsyncLocalStorage } from "node:async_hooks";

/** What belongs to one request and is needed where no request is at hand. */
export type RequestScope = {
  requestId: string;
  /**
   * Set when nothing of the answer could be served and trying again is worth
   * it: the HTTP answer then carries this status and Retry-After.
   */
  unavailable?: { status: number; retryAfter: number };
};

/**
 * Error masking has no access to the request; the scope carries its id there.
 * Entered once per HTTP request and once per websocket message.
 */
export const requestScope = new AsyncLocalStorage<RequestScope>();
