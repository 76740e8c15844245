import type { ExecutionConfig } from "postgraphile/grafserv";
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  NoSchemaIntrospectionCustomRule,
  parse,
  Source,
  specifiedRules,
  validate,
} from "postgraphile/graphql";

import { type GraphQLLimits } from "../limits.ts";
import { refuseCost } from "../measureCost.ts";
import {
  limitError,
  refuseDocument,
  refuseVariables,
} from "../measureDocument.ts";
import { refuseFilters } from "../measureFilters.ts";

type ParseAndValidate = ExecutionConfig["parseAndValidate"];
type Parsed = ReturnType<ParseAndValidate>;

export type LimitsOptions = {
  limits: GraphQLLimits;
  /** Off in production: the schema is not guessable name by name. */
  suggestions: boolean;
  /** Off in production. */
  introspection: boolean;
  /** grafserv answers what was refused here without masking it. */
  maskError: (error: GraphQLError) => GraphQLError;
};

const CACHED_DOCUMENTS = 500;
/** Longer texts carry their data inline: they seldom come twice. */
const CACHED_LENGTH = 20_000;

/**
 * Bounds are kept at three places of the engine, so that HTTP, websockets and
 * persisted documents all pass them, and each refusal is an ordinary GraphQL
 * error: when a document is parsed and validated, before its variables are
 * read, and before the operation is planned. The standard rules run only on
 * documents that passed: some of them, and the planner, take exponential time
 * on nested fragments.
 */
export function makeLimitsPlugin(
  options: LimitsOptions,
): GraphileConfig.Plugin {
  const { limits } = options;
  return {
    name: "LimitsPlugin",
    description:
      "Refuses operations that are too large, too deep or too costly before they are planned",
    grafserv: {
      middleware: {
        setPreset(next, event) {
          const inner = event.getExecutionConfig;
          const bySchema = new WeakMap<GraphQLSchema, ParseAndValidate>();
          event.getExecutionConfig = async function getExecutionConfig(
            context,
          ) {
            const config = await inner.call(this, context);
            let parseAndValidate = bySchema.get(config.schema);
            if (parseAndValidate === undefined) {
              parseAndValidate = makeParseAndValidate(config.schema, options);
              bySchema.set(config.schema, parseAndValidate);
            }
            return { ...config, parseAndValidate };
          };
          return next();
        },
      },
    },
    grafast: {
      middleware: {
        execute(next, { args }) {
          args.hideSuggestions = !options.suggestions;
          const refused = refuseVariables(args.variableValues);
          return refused === null ? next() : { errors: [refused] };
        },
        subscribe(next, { args }) {
          args.hideSuggestions = !options.suggestions;
          const refused = refuseVariables(args.variableValues);
          return refused === null ? next() : { errors: [refused] };
        },
        establishOperationPlan(next, event) {
          const { schema, operation, fragments, variableValues } = event;
          const refused =
            refuseCost(schema, operation, fragments, variableValues, limits) ??
            refuseFilters(schema, operation, fragments, variableValues);
          if (refused !== null) throw refused;
          return next();
        },
      },
    },
  };
}

function makeParseAndValidate(
  schema: GraphQLSchema,
  options: LimitsOptions,
): ParseAndValidate {
  // A Map remembers the order of insertion, which makes it a queue of age. The
  // plan of an operation is remembered by the identity of its document.
  const cache = new Map<string, Parsed>();
  return (query) => {
    const known = cache.get(query);
    if (known !== undefined) {
      cache.delete(query);
      cache.set(query, known);
      return known;
    }
    const result = parseWithin(schema, query, options);
    // A refused text is not worth the memory it would hold.
    if (result.errors !== undefined)
      return { errors: result.errors.map(options.maskError) };
    if (query.length <= CACHED_LENGTH) {
      const oldest = cache.keys().next();
      if (cache.size >= CACHED_DOCUMENTS && oldest.done !== true)
        cache.delete(oldest.value);
      cache.set(query, result);
    }
    return result;
  };
}

function parseWithin(
  schema: GraphQLSchema,
  query: string,
  { limits, suggestions, introspection }: LimitsOptions,
): Parsed {
  // Websocket messages do not pass the body limit of HTTP.
  if (Buffer.byteLength(query) > limits.bodyBytes)
    return { errors: [limitError("The GraphQL document is too long.")] };
  let document: DocumentNode;
  try {
    document = parse(new Source(query, "GraphQL HTTP Request"), {
      maxTokens: limits.tokens,
    });
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    // "more that" is how the parser spells it today.
    if (error.message.includes("Document contains more tha"))
      return {
        errors: [
          limitError(
            `The GraphQL document has too many tokens; at most ${limits.tokens} are allowed.`,
          ),
        ],
      };
    return { errors: [error] };
  }
  const refused = refuseDocument(document, limits);
  if (refused.length > 0) return { errors: refused };
  const errors = validate(
    schema,
    document,
    introspection
      ? specifiedRules
      : [...specifiedRules, NoSchemaIntrospectionCustomRule],
    { hideSuggestions: !suggestions, maxErrors: 20 },
  );
  if (errors.length === 0) return { document };
  // A scalar that refuses a value written out in the document names no place,
  // and would pass for a fault of ours: whatever validation finds is about it.
  return {
    errors: errors.map((error) =>
      error.nodes === undefined
        ? new GraphQLError(error.message, { nodes: document.definitions })
        : error,
    ),
  };
}
