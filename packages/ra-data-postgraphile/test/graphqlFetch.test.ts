import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { parseRetryAfter } from "../src/graphqlFetch.ts";
import { makeGraphQLFetch } from "../src/index.ts";

type Told = {
  method?: string;
  headers: IncomingMessage["headers"];
  body: string;
};

let server: Server;
let url: string;
const told: Told[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => (body += part.toString()));
    request.on("end", () => {
      told.push({
        ...(request.method ? { method: request.method } : {}),
        headers: request.headers,
        body,
      });
      if (request.url === "/busy") {
        response.writeHead(503, { "retry-after": "3" }).end('{"errors":[]}');
      } else if (request.url === "/proxy") {
        response.writeHead(502).end("<h1>Bad Gateway</h1>");
      } else if (request.url !== "/silent") {
        response
          .writeHead(200, { "content-type": "application/json" })
          .end('{"data":{"a":1}}');
      }
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const request = {
  operationName: "a",
  query: "query a { a }",
  variables: { x: 1 },
};

describe("makeGraphQLFetch", () => {
  it("posts JSON with the operation's name", async () => {
    const send = makeGraphQLFetch({
      url: `${url}/graphql`,
      headers: () => ({ "x-page": "list" }),
    });
    await expect(send(request)).resolves.toEqual({
      status: 200,
      body: { data: { a: 1 } },
      retryAfterSeconds: undefined,
    });
    const last = told.at(-1);
    expect(last?.method).toBe("POST");
    expect(last?.headers["content-type"]).toBe("application/json");
    expect(last?.headers["x-page"]).toBe("list");
    expect(JSON.parse(last?.body ?? "")).toEqual(request);
  });

  it("passes on when to try again", async () => {
    const send = makeGraphQLFetch({ url: `${url}/busy` });
    await expect(send(request)).resolves.toMatchObject({
      status: 503,
      retryAfterSeconds: 3,
    });
  });

  it("gives no body where the answer is not JSON", async () => {
    const send = makeGraphQLFetch({ url: `${url}/proxy` });
    await expect(send(request)).resolves.toMatchObject({
      status: 502,
      body: null,
    });
  });

  it("says in a sentence that nobody answers", async () => {
    const send = makeGraphQLFetch({ url: "http://127.0.0.1:1/graphql" });
    await expect(send(request)).rejects.toMatchObject({
      status: 0,
      message:
        "The server could not be reached. Check the connection and try again.",
      body: { code: "NETWORK" },
    });
  });

  it("stops with its signal, and that is no network failure", async () => {
    const controller = new AbortController();
    const send = makeGraphQLFetch({ url: `${url}/silent` });
    const sending = send({ ...request, signal: controller.signal });
    controller.abort();
    await expect(sending).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("parseRetryAfter", () => {
  it.each<[string | null, number | undefined]>([
    [null, undefined],
    ["", undefined],
    ["soon", undefined],
    ["2", 2],
    ["-1", 0],
    ["Thu, 01 Jan 1970 00:00:05 GMT", 5],
  ])("reads %p as %p", (value, seconds) => {
    expect(parseRetryAfter(value, 0)).toBe(seconds);
  });
});
