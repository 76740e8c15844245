import { randomBytes, randomUUID } from "node:crypto";

import { makeSession, Refusal, type Session, signIn } from "./session.ts";

export type Account = { email: string; password: string };

/** A person of staff, or null where this server does not know the demo's accounts. */
export async function enterStaff(
  url: string,
  account: Account,
  signal: AbortSignal,
): Promise<Session | null> {
  const session = makeSession(url);
  try {
    await signIn(session, account, signal);
    return session;
  } catch (error) {
    if (error instanceof Refusal && error.code === "LOGIN") return null;
    throw error;
  }
}

export type MadeKey = { key: string; revoke(): Promise<void> };

/** A worker key for this run alone. */
export async function makeKey(admin: Session): Promise<MadeKey> {
  const name = `simulation-${randomBytes(4).toString("hex")}`;
  const { createWorkerKey } = (await admin.graphql(
    `mutation ($name: String!) { createWorkerKey(input: { name: $name }) { result } }`,
    { name },
  )) as { createWorkerKey: { result: string } };
  return {
    key: createWorkerKey.result,
    revoke: async () => {
      const { workerKeys } = (await admin.graphql(
        "{ workerKeys(first: 500, orderBy: PRIMARY_KEY_DESC) { nodes { rowId name } } }",
      )) as { workerKeys: { nodes: { rowId: string; name: string }[] } };
      const made = workerKeys.nodes.find((key) => key.name === name);
      await admin.graphql(
        `mutation ($id: UUID!) { revokeWorkerKey(input: { keyId: $id }) { result { rowId } } }`,
        { id: made?.rowId },
      );
    },
  };
}

/** Gives a shopper so many credits, as finance. */
export async function topUp(
  finance: Session,
  userId: string,
  amount: number,
): Promise<void> {
  await finance.graphql(
    `mutation ($input: AdjustCreditsInput!) { adjustCredits(input: $input) { result } }`,
    {
      input: {
        userId,
        amount,
        reason: "Credits for a simulated shopper",
        idempotencyKey: randomUUID(),
      },
    },
  );
}

/** Jobs waiting or running, of everybody. */
export async function readQueue(staff: Session): Promise<number> {
  const { tryonQueue } = (await staff.graphql(
    "{ tryonQueue { waiting delayed running } }",
  )) as { tryonQueue: Record<"waiting" | "delayed" | "running", string> };
  return (
    Number(tryonQueue.waiting) +
    Number(tryonQueue.delayed) +
    Number(tryonQueue.running)
  );
}
