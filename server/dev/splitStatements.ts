/** A statement of a script: where it begins, and its text. */
export type Statement = { start: number; text: string };

const STARTS =
  /--[^\n]*|\/\*|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[eE]'|'|"|\bbegin\s+atomic\b|\bcase\b|\bend\b|;|[\w$]+/gi;

/**
 * Cuts a script where PostgreSQL's own parser would end a statement: not inside
 * quotes, comments, or a body `begin atomic … end`. Blanks and comments before a
 * statement are not part of it.
 */
export function splitStatements(script: string): Statement[] {
  const statements: Statement[] = [];
  let from = 0;
  // Open `begin atomic` and the `case`s inside it, which end with `end` as well.
  let open = 0;
  const take = (to: number) => {
    const text = script.slice(from, to);
    const blank = skipBlanks(text);
    if (blank < text.trimEnd().length) {
      statements.push({ start: from + blank, text: text.slice(blank) });
    }
  };
  STARTS.lastIndex = 0;
  for (;;) {
    const match = STARTS.exec(script);
    if (match === null) break;
    const [token] = match;
    if (token === ";") {
      if (open > 0) continue;
      take(match.index);
      from = STARTS.lastIndex;
    } else if (/^begin\s/i.test(token)) open++;
    else if (/^case$/i.test(token)) open += open > 0 ? 1 : 0;
    else if (/^end$/i.test(token)) open -= open > 0 ? 1 : 0;
    else STARTS.lastIndex = endOf(script, token, STARTS.lastIndex);
  }
  take(script.length);
  return statements;
}

/** Where what this token opens is closed; the token's own end for a word. */
function endOf(script: string, token: string, after: number): number {
  const to = (close: string) => {
    const at = script.indexOf(close, after);
    return at === -1 ? script.length : at + close.length;
  };
  if (token.startsWith("--")) return after;
  if (token === "/*") return endOfComment(script, after);
  if (token.length > 1 && token.startsWith("$") && token.endsWith("$")) {
    return to(token);
  }
  if (/^e'$/i.test(token)) return endOfEscapes(script, after);
  // A doubled quote closes and opens again, which is as good as skipping it.
  if (token === "'" || token === '"') return to(token);
  return after;
}

function endOfEscapes(script: string, after: number): number {
  for (let at = after; at < script.length; at++) {
    if (script[at] === "\\") at++;
    else if (script[at] === "'") return at + 1;
  }
  return script.length;
}

/** Comments nest. */
function endOfComment(script: string, after: number): number {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = after;
  let depth = 1;
  while (depth > 0) {
    const mark = marks.exec(script);
    if (mark === null) return script.length;
    depth += mark[0] === "/*" ? 1 : -1;
  }
  return marks.lastIndex;
}

function skipBlanks(text: string): number {
  let at = 0;
  for (;;) {
    const blank = /^(?:\s+|--[^\n]*)+/.exec(text.slice(at))?.[0].length ?? 0;
    at += blank;
    if (text.startsWith("/*", at)) at = endOfComment(text, at + 2);
    else return at;
  }
}
