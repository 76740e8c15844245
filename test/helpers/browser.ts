import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { expect } from "@jest/globals";
import chromium from "@sparticuz/chromium";
import type { Browser, Locator } from "playwright-core";
import { chromium as playwright } from "playwright-core";

/**
 * A browser that needs nothing installed by hand: on Linux x64 the Chromium
 * packed inside @sparticuz/chromium (unpacked once to the temporary folder),
 * elsewhere an installed Chrome or Edge. `CHROME_PATH` names one explicitly.
 */
export async function launchBrowser(): Promise<Browser> {
  const args = [
    // The sandbox needs privileges that containers usually lack; the pages
    // loaded here are only our own.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--font-render-hinting=none",
  ];
  const named = process.env.CHROME_PATH;
  if (named !== undefined && named !== "") {
    if (!existsSync(named)) {
      throw new Error(`CHROME_PATH names ${named}, which does not exist.`);
    }
    return playwright.launch({ args, executablePath: named });
  }
  if (process.platform === "linux" && process.arch === "x64") {
    return playwright.launch({
      args,
      executablePath: await chromium.executablePath(),
    });
  }
  for (const channel of ["chrome", "msedge"]) {
    try {
      return await playwright.launch({ args, channel });
    } catch (error) {
      if (channel === "msedge") {
        throw new Error(
          "No browser for the tests: install Google Chrome, or set CHROME_PATH to a Chromium.",
          { cause: error },
        );
      }
    }
  }
  throw new Error("unreachable");
}

/** Generous: a busy machine is no fault of the page. */
const PATIENCE_MS = 60_000;

/**
 * Looks until the expectation holds; fails as it failed last. A page that has
 * been asked for something shows it in its own time, so a single look proves
 * nothing.
 */
export async function eventually(look: () => Promise<void>): Promise<void> {
  const giveUpAt = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      await look();
      return;
    } catch (error) {
      if (Date.now() > giveUpAt) throw error;
      await sleep(50);
    }
  }
}

export const expectCount = (locator: Locator, count: number): Promise<void> =>
  eventually(async () => expect(await locator.count()).toBe(count));

/** The text a person reads: the whole of it, or what it matches. */
export const expectText = (
  locator: Locator,
  text: string | RegExp,
): Promise<void> =>
  eventually(async () => {
    const seen = await locator.innerText();
    if (typeof text === "string") expect(seen).toBe(text);
    else expect(seen).toMatch(text);
  });

export const expectValue = (
  locator: Locator,
  value: string | RegExp,
): Promise<void> =>
  eventually(async () => {
    const seen = await locator.inputValue();
    if (typeof value === "string") expect(seen).toBe(value);
    else expect(seen).toMatch(value);
  });
