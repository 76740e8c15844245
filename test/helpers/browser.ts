import { existsSync } from "node:fs";

import chromium from "@sparticuz/chromium";
import type { Browser } from "playwright-core";
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
