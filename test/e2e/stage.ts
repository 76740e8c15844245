import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { Browser, BrowserContext, Page, Request } from "playwright-core";

import { buildAdmin } from "../../server/buildAdmin.ts";
import { type Config, projectDir } from "../../server/config.ts";
import { DEMO_PASSWORD } from "../../server/demoAccounts.ts";
import { launchBrowser } from "../helpers/browser.ts";
import type { TestDatabase } from "../helpers/database.ts";
import { createDemoDatabase } from "../helpers/demoTemplate.ts";
import { startTestServer, type TestHttpServer } from "../helpers/server.ts";
import { testServer } from "../helpers/testServer.ts";

export const people = {
  owner: "owner@maison-lumiere.test",
  analyst: "analyst@maison-lumiere.test",
  otherOwner: "owner@northside-denim.test",
  staff: "staff@closetai.test",
  shopper: "shopper@closetai.test",
} as const;

export type Visit = {
  page: Page;
  context: BrowserContext;
  /** Console errors, uncaught exceptions and policy violations so far. */
  complaints: string[];
  close(): Promise<void>;
};

export type VisitOptions = {
  /** Signed in from the start; nobody when left out. */
  as?: string;
  width?: number;
  scheme?: "light" | "dark";
  /** Another server of the same database than the stage's own. */
  at?: string;
};

export type Stage = {
  db: TestDatabase;
  server: TestHttpServer;
  visit(options?: VisitOptions): Promise<Visit>;
  close(): Promise<void>;
};

/** Two test files at once must not build over each other. */
async function buildOnce(): Promise<void> {
  const lock = join(
    projectDir,
    "node_modules",
    ".cache",
    "closetai-admin.lock",
  );
  mkdirSync(join(lock, ".."), { recursive: true });
  const giveUpAt = Date.now() + 120_000;
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      // A process that was killed left it: after two minutes it is nobody's.
      if (Date.now() > giveUpAt) rmSync(lock, { recursive: true, force: true });
      else if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      else await sleep(200);
    }
  }
  try {
    await buildAdmin();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

/**
 * The demo, served as `npm start` serves it, and a browser in front of it. What
 * else the installation has, say a key of Stripe, is named.
 */
export async function openStage(
  overrides: Partial<Config> = {},
): Promise<Stage> {
  await buildOnce();
  const dir = mkdtempSync(join(testServer().folder, "stage-"));
  const db = await createDemoDatabase(dir);
  const storage = { driver: "fs", dir } as const;
  const server = await startTestServer(db, {
    worker: "in-process",
    storage,
    ...overrides,
  });
  const browser: Browser = await launchBrowser();
  return {
    db,
    server,
    visit: (options) => visit(browser, options?.at ?? server.url, options),
    close: async () => {
      await browser.close();
      await server.close();
      await db.drop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** A browser of its own for one person. */
export async function visit(
  browser: Browser,
  url: string,
  { as, width = 1280, scheme = "light" }: VisitOptions = {},
): Promise<Visit> {
  const phone = width < 600;
  const context = await browser.newContext({
    baseURL: url,
    viewport: { width, height: phone ? 844 : 860 },
    colorScheme: scheme,
    isMobile: phone,
    hasTouch: phone,
    // Pictures and checks must not catch a page half way through a fade.
    reducedMotion: "reduce",
  });
  if (as !== undefined) {
    const answer = await context.request.post("/auth/login", {
      data: { email: as, password: DEMO_PASSWORD },
      headers: { origin: url },
    });
    if (!answer.ok()) {
      throw new Error(`${as} cannot sign in: ${await answer.text()}`);
    }
  }
  const page = await context.newPage();
  // Generous: a busy machine is no fault of the page.
  page.setDefaultTimeout(60_000);
  countRequests(page);
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  return { page, context, complaints, close: () => context.close() };
}

const underway = new WeakMap<Page, Set<Request>>();

function countRequests(page: Page): void {
  const requests = new Set<Request>();
  underway.set(page, requests);
  page.on("request", (request) => {
    // A stream of events goes on for as long as the page is open.
    if (request.resourceType() !== "eventsource") requests.add(request);
  });
  page.on("requestfinished", (request) => requests.delete(request));
  page.on("requestfailed", (request) => requests.delete(request));
}

const QUIET_MS = 300;

/**
 * Whether the page, given the time to do what it has begun, changes nothing and
 * asks for nothing. Measured inside it and in its idle moments: on a busy
 * machine time passes while a page still has work to do.
 */
async function isQuiet(page: Page): Promise<boolean> {
  const changes = await page
    .evaluate(async (quietMs) => {
      let seen = document.readyState === "complete" ? 0 : 1;
      const observer = new MutationObserver((list) => (seen += list.length));
      observer.observe(document, { childList: true, subtree: true });
      const idle = () =>
        new Promise((resolve) =>
          requestIdleCallback(resolve, { timeout: 5_000 }),
        );
      await idle();
      await new Promise((resolve) => setTimeout(resolve, quietMs));
      await idle();
      observer.disconnect();
      return seen;
    }, QUIET_MS)
    .catch((error: Error) => {
      // It went to another address while it was looked at.
      if (/context was destroyed|navigat/i.test(error.message)) return 1;
      throw error;
    });
  return changes === 0 && (underway.get(page)?.size ?? 0) === 0;
}

/**
 * Waits until the page asks for nothing, changes nothing, and says nowhere that
 * it is filling, all at once. What a test then expects to see it still waits for by name.
 */
export async function settled(page: Page): Promise<void> {
  const giveUpAt = Date.now() + 60_000;
  // A placeholder that goes makes room for what asks next: both at the same time.
  while (
    !(await isQuiet(page)) ||
    (await page.locator(".MuiSkeleton-root").count()) > 0
  ) {
    if (Date.now() > giveUpAt) {
      const left = [...(underway.get(page) ?? [])].map((one) => one.url());
      throw new Error(
        `${page.url()} does not come to rest; still asked for: ${left.join(", ") || "nothing"}`,
      );
    }
  }
  await page.evaluate(async () => {
    await document.fonts.ready;
    await Promise.all(
      Array.from(document.images)
        .filter((image) => image.loading !== "lazy")
        .map((image) => image.decode().catch(() => undefined)),
    );
  });
}

const PICTURES = join(import.meta.dirname, "screenshots");

/**
 * Keeps a picture of the page. Those in the repository change only on purpose
 * (SCREENSHOTS=update), so that running the tests leaves nothing behind.
 */
export async function picture(page: Page, name: string): Promise<Buffer> {
  await settled(page);
  const path = join(PICTURES, `${name}.png`);
  const keep = process.env["SCREENSHOTS"] === "update" || !existsSync(path);
  return page.screenshot(keep ? { path } : {});
}
