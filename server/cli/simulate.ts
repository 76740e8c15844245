import { Command, InvalidArgumentError } from "commander";

import { errorMessage } from "../db/errorCode.ts";
import { DEMO_PASSWORD } from "../demoAccounts.ts";
import { describeEnd, describeLine, zeroFigures } from "../simulate/figures.ts";
import { runSimulation } from "../simulate/runSimulation.ts";

type Options = {
  rate: number;
  seconds?: number;
  shoppers?: number;
  workers: number;
  fail: number;
  cancel: number;
  workMs: number;
  url: string;
  workerKey?: string;
};

const number =
  (min: number, max: number, whole: boolean) =>
  (text: string): number => {
    const value = Number(text);
    if (
      !/^\d+(\.\d+)?$/.test(text) ||
      value < min ||
      value > max ||
      (whole && !Number.isInteger(value))
    ) {
      throw new InvalidArgumentError(
        `It must be a ${whole ? "whole " : ""}number from ${min} to ${max}.`,
      );
    }
    return value;
  };

function address(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError(
      "It must begin with http:// or https://, e.g. http://localhost:5678.",
    );
  }
  return text;
}

function workerKey(text: string): string {
  if (!/^wk_[A-Za-z0-9_-]{43}$/.test(text)) {
    throw new InvalidArgumentError(
      "A worker key begins with wk_ and has 46 characters.",
    );
  }
  return text;
}

const program = new Command()
  .name("simulate")
  .description(
    "Acts as shoppers and as GPU workers against a running server, through its\n" +
      "public API, so that screens move. Ctrl-C ends it. For the demo: it makes\n" +
      "accounts simulated-1@closetai.test and so on, once, and leaves what they do.",
  )
  .option(
    "--rate <n>",
    "try-ons asked for in a second",
    number(0.1, 500, false),
    20,
  )
  .option(
    "--seconds <n>",
    "end after so long (default: at Ctrl-C)",
    number(1, 86_400, true),
  )
  .option(
    "--workers <n>",
    "GPU workers, which take 8 jobs at a time",
    number(1, 64, true),
    4,
  )
  .option(
    "--shoppers <n>",
    "shoppers (default: one per 10 try-ons a second, 4 at least)",
    number(1, 200, true),
  )
  .option(
    "--fail <share>",
    "attempts that fail, 0 to 1",
    number(0, 1, false),
    0.05,
  )
  .option(
    "--cancel <share>",
    "try-ons cancelled at once, 0 to 1",
    number(0, 1, false),
    0.03,
  )
  .option(
    "--work-ms <n>",
    "how long an attempt takes, more or less",
    number(0, 60_000, true),
    400,
  )
  .option(
    "--url <address>",
    "the server",
    address,
    `http://localhost:${process.env["PORT"] ?? "5678"}`,
  )
  .option(
    "--worker-key <key>",
    "instead of one made as staff@closetai.test for this run",
    workerKey,
  )
  .addHelpText(
    "after",
    `
A shopper who runs out of credits gets 500 more from finance@closetai.test, and
the others go on meanwhile. Where the demo's staff cannot sign in, pass
--worker-key, and shoppers have what credits they have.`,
  );

async function run(options: Options): Promise<void> {
  const abort = new AbortController();
  // Once ends it in order; a second one is the system's.
  for (const name of ["SIGINT", "SIGTERM"] as const) {
    process.once(name, () => {
      abort.abort();
    });
  }
  const terminal = process.stdout.isTTY;
  let before = zeroFigures();
  let beforeAt = 0;
  let lastAt = 0;
  const say = (line: string) => {
    process.stdout.write(`${terminal ? "\r\u001b[K" : ""}${line}\n`);
  };
  try {
    const figures = await runSimulation({
      ...options,
      seconds: options.seconds ?? null,
      shoppers: options.shoppers ?? Math.max(4, Math.ceil(options.rate / 10)),
      workerKey: options.workerKey ?? null,
      admin: { email: "staff@closetai.test", password: DEMO_PASSWORD },
      finance: { email: "finance@closetai.test", password: DEMO_PASSWORD },
      say,
      onFigures: (figures, seconds) => {
        const line = describeLine(seconds, figures, before, seconds - beforeAt);
        before = figures;
        beforeAt = seconds;
        lastAt = seconds;
        process.stdout.write(terminal ? `\r\u001b[K${line}` : `${line}\n`);
      },
      signal: abort.signal,
    });
    say(describeEnd(lastAt, figures));
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    say("Stopped before it began.");
  }
}

try {
  await run(program.parse().opts<Options>());
} catch (error) {
  const refused =
    error instanceof TypeError && error.message === "fetch failed"
      ? `There is no server at ${program.opts<Options>().url}: start it with npm start, or say --url`
      : errorMessage(error);
  console.error(refused);
  process.exitCode = 1;
}
