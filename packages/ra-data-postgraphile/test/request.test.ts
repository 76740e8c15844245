import { describe, expect, it } from "@jest/globals";

import { statusByCode } from "../src/errors.ts";
import { makeRequest } from "../src/request.ts";
import type { GraphQLAnswer, GraphQLRequest } from "../src/types.ts";

const operation = { operationName: "a", query: "query a { a }" };
const read = { isRead: true, schema: null };
const write = { isRead: false, schema: null };

const busy: GraphQLAnswer = {
  status: 503,
  body: { errors: [{ message: "Busy.", extensions: { code: "BUSY" } }] },
  retryAfterSeconds: 0,
};
const fine: GraphQLAnswer = { status: 200, body: { data: { a: 1 } } };

/** Answers one after another, and keeps what was asked. */
const answering = (...answers: GraphQLAnswer[]) => {
  const asked: GraphQLRequest[] = [];
  const request = makeRequest((sent) => {
    asked.push(sent);
    const answer = answers[asked.length - 1];
    return answer
      ? Promise.resolve(answer)
      : Promise.reject(new Error("asked too often"));
  }, statusByCode);
  return { ...request, asked };
};

describe("ask", () => {
  it("sends the operation whole and gives its data", async () => {
    const { ask, asked } = answering(fine);
    await expect(ask(operation, { x: 1 }, read)).resolves.toEqual({ a: 1 });
    expect(asked).toEqual([{ ...operation, variables: { x: 1 } }]);
  });

  it("tries a read once more after a 503 that says when", async () => {
    const { ask, asked } = answering(busy, fine);
    await expect(ask(operation, {}, read)).resolves.toEqual({ a: 1 });
    expect(asked).toHaveLength(2);
  });

  it("tries a read only once more", async () => {
    const { ask, asked } = answering(busy, busy, fine);
    await expect(ask(operation, {}, read)).rejects.toMatchObject({
      status: 503,
      message: "Busy.",
    });
    expect(asked).toHaveLength(2);
  });

  it("never repeats a write", async () => {
    const { ask, asked } = answering(busy, fine);
    await expect(ask(operation, {}, write)).rejects.toMatchObject({
      status: 503,
    });
    expect(asked).toHaveLength(1);
  });

  it.each([undefined, 900])(
    "does not wait where Retry-After is %p",
    async (retryAfterSeconds) => {
      const { ask, asked } = answering({ ...busy, retryAfterSeconds }, fine);
      await expect(ask(operation, {}, read)).rejects.toMatchObject({
        status: 503,
      });
      expect(asked).toHaveLength(1);
    },
  );

  it("stops waiting when the page has gone", async () => {
    const { ask, asked } = answering({ ...busy, retryAfterSeconds: 9 }, fine);
    const controller = new AbortController();
    const asking = ask(operation, {}, { ...read, signal: controller.signal });
    controller.abort();
    await expect(asking).rejects.toMatchObject({ name: "AbortError" });
    expect(asked).toHaveLength(1);
  });

  it("calls half an answer an error", async () => {
    const { ask } = answering({
      status: 200,
      body: { data: { a: null }, errors: [{ message: "No." }] },
    });
    await expect(ask(operation, {}, read)).rejects.toThrow("No.");
  });

  it("calls an empty answer an error", async () => {
    const { ask } = answering({ status: 200, body: { data: null } });
    await expect(ask(operation, {}, read)).rejects.toMatchObject({
      status: 500,
    });
  });
});
