import type { Request } from "express";
import { type DocumentNode, GraphQLError, visit } from "postgraphile/graphql";

import { isError } from "../errors.ts";
import type { Limiters } from "../http/limiters.ts";

/** Costs a bcrypt for anybody who asks, signed in or not. */
const COSTLY = "registerShopper";

/**
 * Registration is a mutation, so the limit on signing in has to be kept here:
 * once per occurrence, over HTTP and websockets alike.
 */
export function makeRegistrationLimitPlugin(
  limiters: Limiters,
): GraphileConfig.Plugin {
  return {
    name: "RegistrationLimitPlugin",
    description: "Bounds how often one address may register accounts",
    grafast: {
      middleware: {
        async execute(next, { args }) {
          const times = countFields(args.document, COSTLY);
          try {
            for (let i = 0; i < times; i++) {
              await limiters.signIn(addressOf(args.requestContext), "register");
            }
          } catch (error) {
            if (!isError(error)) throw error;
            return {
              errors: [
                new GraphQLError(error.message, { originalError: error }),
              ],
            };
          }
          return next();
        },
      },
    },
  };
}

const counts = new WeakMap<DocumentNode, number>();

/** Documents are remembered by the limits plugin, and so is this. */
function countFields(document: DocumentNode, name: string): number {
  const known = counts.get(document);
  if (known !== undefined) return known;
  let found = 0;
  visit(document, {
    Field: (node) => {
      if (node.name.value === name) found++;
    },
  });
  counts.set(document, found);
  return found;
}

/** Express knows which proxies to believe; a websocket shows its peer. */
function addressOf(
  context: Partial<Grafast.RequestContext> | undefined,
): string | undefined {
  const request: Request | undefined = context?.expressv4?.req;
  return request?.ip ?? context?.ws?.request?.socket.remoteAddress;
}
