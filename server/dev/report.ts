import { styleText } from "node:util";

import type { Change, Tone } from "./changes.ts";
import type { Fault } from "./locateFault.ts";
import type { Rehearsal } from "./rehearse.ts";

export type Output = NodeJS.WriteStream | NodeJS.WritableStream;

type Style = Parameters<typeof styleText>[0];

export type Section = { title: string; changes: readonly Change[] };

/** Milliseconds of each part of the way from a save to the running API. */
export type Timing = {
  /** From the write of the file to the moment it was seen whole. */
  noticed: number;
  sql: number;
  /** Null where the GraphQL schema could stay as it was. */
  schema: number | null;
  catalog: number;
  total: number;
};

const STYLES: Record<Tone, Style> = {
  plain: "reset",
  widened: "red",
  narrowed: "green",
  breaking: ["red", "bold"],
  notable: "yellow",
};

/** A line of a person's terminal; longer lists go on below. */
const WIDTH = 110;
const MARGIN = 12;
/** A migration that rebuilds everything is not read line by line. */
const MAX_LINES = 40;

export type Report = {
  line(text?: string, style?: Style): void;
  saved(files: readonly string[]): void;
  sections(sections: readonly Section[]): void;
  locks(rehearsal: Rehearsal | null): void;
  live(timing: Timing, pages: { pages: number; told: number }): void;
  fault(fault: Fault, folder: string): void;
};

/** What a developer reads. Colours are only for terminals, and add nothing but speed. */
export function makeReport(stream: Output): Report {
  const paint = (style: Style, text: string) =>
    styleText(style, text, { stream: stream as NodeJS.WriteStream });
  const line = (text = "", style?: Style) =>
    void stream.write(`${style === undefined ? text : paint(style, text)}\n`);
  const titled = (title: string, index: number) =>
    paint("dim", `    ${(index === 0 ? title : "").padEnd(MARGIN - 4)}`);

  return {
    line,
    saved: (files) => {
      line();
      line(`  ${clock()}  Saved ${files.join(", ")}`, "bold");
    },
    sections: (sections) => {
      for (const { title, changes } of sections) {
        changes.slice(0, MAX_LINES).forEach((change, index) => {
          const text = change.text.replace(/\s+/g, " ") + marker(change);
          const [first = "", ...rest] = wrap(text);
          const style = STYLES[change.tone];
          line(
            `${titled(title, index)}${paint(style, `${change.sign} ${first}`)}`,
          );
          for (const part of rest) {
            line(`${" ".repeat(MARGIN + 2)}${paint(style, part)}`);
          }
        });
        const more = changes.length - MAX_LINES;
        if (more > 0) line(`${titled("", 1)}… and ${more} more`);
      }
    },
    locks: (rehearsal) => {
      const lines =
        rehearsal === null
          ? [
              {
                text: "not known: this migration runs outside a transaction",
                style: "yellow" as const,
              },
            ]
          : rehearsal.locks.map((lock) => ({
              text: describeLock(lock, rehearsal.heldMs),
              style:
                lock.dropped || lock.rewritten
                  ? ("red" as const)
                  : ("reset" as const),
            }));
      lines.slice(0, MAX_LINES).forEach(({ text, style }, index) => {
        line(`${titled("locks", index)}${paint(style, text)}`);
      });
      const more = lines.length - MAX_LINES;
      if (more > 0) line(`${titled("", 1)}… and ${more} more`);
    },
    live: (timing, { pages, told }) => {
      const parts = [
        `noticed ${seconds(timing.noticed)}`,
        `SQL ${seconds(timing.sql)}`,
        `schema ${timing.schema === null ? "unchanged" : seconds(timing.schema)}`,
        `catalogue ${seconds(timing.catalog)}`,
      ];
      const open = pages === 0 ? "" : `; told ${told} of ${pages} open pages`;
      line(
        `  ${paint("green", "✓")} Live ${seconds(timing.total)} s after the save (${parts.join(", ")})${open}`,
      );
    },
    fault: (fault, folder) => {
      const code = fault.code === null ? "" : ` (${fault.code})`;
      line(`  ${paint("red", "✗")} Not applied: ${fault.message}${code}`);
      if (fault.place !== null) {
        const { file, line: number } = fault.place;
        const column = fault.column === null ? "" : `:${fault.column}`;
        line(`    ${folder}/${file}:${number}${column}`, "cyan");
        const margin = `    ${number} | `;
        line(`${margin}${fault.text}`);
        if (fault.column !== null) {
          // A tab stays one, so that the caret stands where it should.
          const before = fault.text
            .slice(0, fault.column - 1)
            .replace(/[^\t]/g, " ");
          line(
            `${" ".repeat(margin.length - 2)}| ${before}${paint("red", "^")}`,
          );
        }
      }
      for (const [name, text] of [
        ["detail", fault.detail],
        ["hint", fault.hint],
        ["in", fault.context],
      ] as const) {
        if (text === null) continue;
        for (const [index, part] of text.split("\n").entries()) {
          line(`    ${(index === 0 ? `${name}:` : "").padEnd(8)}${part}`);
        }
      }
    },
  };
}

/** In words too: not everybody sees colours, and not every stream has them. */
function marker({ tone }: Change): string {
  if (tone === "widened") return "  (widened)";
  if (tone === "narrowed") return "  (narrowed)";
  return "";
}

function describeLock(
  lock: Rehearsal["locks"][number],
  heldMs: number,
): string {
  const rows = `≈ ${lock.rows.toLocaleString("en-US")} rows`;
  const held = `for up to ${Math.max(1, Math.round(heldMs))} ms`;
  if (lock.dropped) return `${lock.table}: dropped, and its ${rows} with it`;
  const what =
    lock.mode === "AccessExclusiveLock"
      ? "blocks reading and writing"
      : "blocks writing";
  const rewritten = lock.rewritten ? "; every row is written anew" : "";
  return `${lock.table}: ${what} ${held} (${lock.mode}, ${rows}${rewritten})`;
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let current = "";
  for (const word of text.split(" ")) {
    if (current !== "" && current.length + word.length > WIDTH - MARGIN) {
      lines.push(current);
      current = "";
    }
    current += current === "" ? word : ` ${word}`;
  }
  return [...lines, current];
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1_000).toFixed(2);
}

function clock(): string {
  return new Date().toTimeString().slice(0, 8);
}
