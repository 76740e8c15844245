/** What the search offers beside records: pages, and things to do. Pure. */
export type Command = {
  key: string;
  label: string;
  /** Words people use for it that are not in its label. */
  also: string;
  kind: "page" | "action" | "view";
  /** An address, or null where something happens instead. */
  to: string | null;
};

const plain = (text: string): string =>
  text.normalize("NFD").replaceAll(/\p{M}/gu, "").toLowerCase();

/** How well a text answers; 0 not at all. The start of a word is worth most. */
export function scoreOf(text: string, query: string): number {
  const words = plain(query).split(/\s+/).filter(Boolean);
  const target = plain(text);
  if (words.length === 0) return 0;
  let score = 0;
  for (const word of words) {
    const at = target.indexOf(word);
    if (at === -1) return 0;
    score += at === 0 ? 3 : /\W/.test(target[at - 1] ?? " ") ? 2 : 1;
  }
  return score;
}

const MOST = 6;

/** The best few; without a question the first pages and all actions. */
export function findCommands(
  commands: readonly Command[],
  query: string,
): Command[] {
  if (query.trim() === "") {
    return commands.filter(({ kind }) => kind === "action").slice(0, MOST);
  }
  return commands
    .map((command, position) => ({
      command,
      position,
      score: Math.max(
        scoreOf(command.label, query) * 2,
        scoreOf(`${command.label} ${command.also}`, query),
      ),
    }))
    .filter(({ score }) => score > 0)
    .sort((a, b) => b.score - a.score || a.position - b.position)
    .slice(0, MOST)
    .map(({ command }) => command);
}
