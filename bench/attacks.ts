import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { projectDir } from "../server/config.ts";
import { runServer } from "./runServer.ts";

const ROUNDS = 20;

/** 21 fragments, each spreading the next twice: 2^20 selections in 1.1 KB. */
const nestedFragments = [
  "query Nested { ...F0 }",
  ...Array.from({ length: 20 }, (_, i) => {
    const next = `F${i + 1}`;
    return `fragment F${i} on Query { ...${next} ...${next} }`;
  }),
  "fragment F20 on Query { __typename }",
].join("\n");

/** Nine levels of lists of a hundred: 10^18 rows asked for. */
function deepList(): string {
  let inner = "rowId";
  const levels = [
    "products",
    "brand",
    "products",
    "brand",
    "products",
    "brand",
    "products",
    "brand",
    "products",
  ];
  for (const level of levels.reverse()) {
    inner =
      level === "brand"
        ? `brand { ${inner} }`
        : `products(first: 100) { nodes { ${inner} } }`;
  }
  return `query Deep { ${inner} }`;
}

const attacks: Readonly<Record<string, string>> = {
  "21 nested fragments": nestedFragments,
  "lists of 100, nested": deepList(),
  "10,000 aliases": `query Aliases { ${Array.from({ length: 10_000 }, (_, i) => `a${i}: __typename`).join(" ")} }`,
  "page of a million":
    "query Page { products(first: 1000000) { nodes { rowId } } }",
};

type Line = {
  attack: string;
  bytes: number;
  status: number;
  code: string;
  medianMs: number;
  worstMs: number;
  healthWorstMs: number;
};

async function main(): Promise<void> {
  if (process.argv.includes("--help")) {
    process.stdout.write(
      "Usage: npm run bench:attacks\n\nTimes the refusal of hostile queries against the running product and how\n/healthz answers meanwhile. Writes bench/reports/attacks.md.\n",
    );
    return;
  }
  const server = await runServer();
  try {
    const headers = await server.signIn("owner@maison-lumiere.test");
    const lines: Line[] = [];
    for (const [attack, query] of Object.entries(attacks)) {
      lines.push(await measure(server.url, headers, attack, query));
      process.stdout.write(`${attack}: ${JSON.stringify(lines.at(-1))}\n`);
    }
    const report = [
      "# Hostile queries",
      "",
      `Measured by \`npm run bench:attacks\` on ${cpus().length} cores, ${ROUNDS} rounds each, sign-in included in none. Health is the slowest answer of /healthz, asked all the while.`,
      "",
      "| attack | bytes | status | code | median ms | worst ms | worst /healthz ms |",
      "|---|---:|---:|---|---:|---:|---:|",
      ...lines.map(
        (line) =>
          `| ${line.attack} | ${line.bytes} | ${line.status} | ${line.code} | ${line.medianMs.toFixed(1)} | ${line.worstMs.toFixed(1)} | ${line.healthWorstMs.toFixed(1)} |`,
      ),
      "",
    ].join("\n");
    writeFileSync(join(projectDir, "bench", "reports", "attacks.md"), report);
  } finally {
    await server.stop();
  }
}

async function measure(
  url: string,
  headers: Record<string, string>,
  attack: string,
  query: string,
): Promise<Line> {
  let running = true;
  let healthWorstMs = 0;
  const health = (async () => {
    while (running) {
      const before = performance.now();
      const response = await fetch(`${url}/healthz`);
      await response.arrayBuffer();
      healthWorstMs = Math.max(healthWorstMs, performance.now() - before);
      await sleep(5);
    }
  })();
  const times: number[] = [];
  let status = 0;
  let code = "";
  const body = JSON.stringify({ query });
  for (let round = 0; round < ROUNDS; round++) {
    const before = performance.now();
    const response = await fetch(`${url}/graphql`, {
      method: "POST",
      headers,
      body,
    });
    const answer = (await response.json()) as {
      errors?: { extensions?: { code?: string } }[];
      error?: { code?: string };
    };
    times.push(performance.now() - before);
    status = response.status;
    code =
      answer.errors?.[0]?.extensions?.code ?? answer.error?.code ?? "answered";
  }
  running = false;
  await health;
  times.sort((a, b) => a - b);
  return {
    attack,
    bytes: Buffer.byteLength(body),
    status,
    code,
    medianMs: times[Math.floor(times.length / 2)] ?? 0,
    worstMs: times.at(-1) ?? 0,
    healthWorstMs,
  };
}

await main();
