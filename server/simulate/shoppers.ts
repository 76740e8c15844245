import { randomUUID } from "node:crypto";

import { drawPicture } from "./drawPicture.ts";
import type { Figures } from "./figures.ts";
import {
  makeSession,
  patiently,
  Refusal,
  type Session,
  signIn,
} from "./session.ts";

type Garment = { id: string; categoryCode: string };

export type Shopper = {
  userId: string;
  session: Session;
  selfieKey: string;
  items: Garment[];
  products: Garment[];
};

const PASSWORD = "a simulated shopper";

/** The same people at each run: accounts are made once, then signed in. */
export async function makeShopper(
  url: string,
  number: number,
  signal: AbortSignal,
): Promise<Shopper> {
  const session = makeSession(url);
  const account = {
    email: `simulated-${number}@closetai.test`,
    password: PASSWORD,
  };
  const userId = await enter(session, account, signal);
  const { products } = (await session.graphql(
    "{ products(first: 200) { nodes { rowId categoryCode } } }",
  )) as { products: Nodes };
  return {
    userId,
    session,
    selfieKey: await uploadSelfie(session, number),
    items: await ownItems(session, userId),
    products: garments(products),
  };
}

async function enter(
  session: Session,
  account: { email: string; password: string },
  signal: AbortSignal,
): Promise<string> {
  try {
    return await signIn(session, account, signal);
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "LOGIN") throw error;
  }
  await patiently(
    () =>
      session.graphql(
        `mutation ($input: RegisterShopperInput!) { registerShopper(input: $input) { result } }`,
        { input: { ...account, displayName: "A simulated shopper" } },
      ),
    signal,
  );
  return signIn(session, account, signal);
}

async function uploadSelfie(session: Session, seed: number): Promise<string> {
  const picture = drawPicture(seed);
  const { requestUpload } = (await session.graphql(
    `mutation ($input: RequestUploadInput!) { requestUpload(input: $input) { key url } }`,
    {
      input: {
        kind: "SELFIE",
        contentType: "image/png",
        bytes: picture.length,
      },
    },
  )) as { requestUpload: { key: string; url: string } };
  await session.put(requestUpload.url, picture, "image/png");
  return requestUpload.key;
}

async function ownItems(session: Session, userId: string): Promise<Garment[]> {
  const { wardrobeItems } = (await session.graphql(
    "{ wardrobeItems(first: 20) { nodes { rowId categoryCode } } }",
  )) as { wardrobeItems: Nodes };
  const items = garments(wardrobeItems);
  if (items.length > 0) return items;
  const { createWardrobeItem } = (await session.graphql(
    `mutation ($input: CreateWardrobeItemInput!) { createWardrobeItem(input: $input) { wardrobeItem { rowId categoryCode } } }`,
    {
      input: {
        wardrobeItem: { userId, categoryCode: "scarves", name: "A scarf" },
      },
    },
  )) as { createWardrobeItem: { wardrobeItem: Nodes["nodes"][number] } };
  return garments({ nodes: [createWardrobeItem.wardrobeItem] });
}

type Nodes = { nodes: { rowId: string; categoryCode: string }[] };

const garments = ({ nodes }: Nodes): Garment[] =>
  nodes.map(({ rowId, categoryCode }) => ({ id: rowId, categoryCode }));

/** Asks for one try-on of a product, or at times of an own garment. */
export async function requestTryon(
  { session, selfieKey, items, products }: Shopper,
  figures: Figures,
  signal: AbortSignal,
): Promise<string> {
  const own = products.length === 0 || Math.random() < 0.25;
  const garment = pick(own ? items : products);
  const input = {
    // The same key again would find the same try-on: a lost answer costs nothing.
    idempotencyKey: randomUUID(),
    categoryCode: garment.categoryCode,
    selfieKey,
    productIds: own ? [] : [garment.id],
    wardrobeItemIds: own ? [garment.id] : [],
    deviceFamily: pick(["iphone", "android_phone", "desktop"]),
    appVersion: "4.2.0",
  };
  const { requestTryon: answer } = (await patiently(
    () =>
      session.graphql(
        `mutation ($input: RequestTryonInput!) { requestTryon(input: $input) { result { rowId } } }`,
        { input },
      ),
    signal,
  )) as { requestTryon: { result: { rowId: string } } };
  figures.requested++;
  return answer.result.rowId;
}

/** False when it was too late: a worker had it already. */
export async function cancelTryon(
  { session }: Shopper,
  jobId: string,
): Promise<boolean> {
  try {
    await session.graphql(
      `mutation ($id: UUID!) { cancelTryon(input: { jobId: $id }) { result } }`,
      { id: jobId },
    );
    return true;
  } catch (error) {
    if (error instanceof Refusal && error.code === "STATE") return false;
    throw error;
  }
}

export async function rateTryon(
  { session, userId }: Shopper,
  jobId: string,
): Promise<void> {
  const rating = 1 + Math.floor(Math.random() * 5);
  await session.graphql(
    `mutation ($input: CreateTryonFeedbackInput!) { createTryonFeedback(input: $input) { tryonFeedback { rating } } }`,
    {
      input: {
        tryonFeedback: { jobId, userId, rating, accurate: rating > 2 },
      },
    },
  );
}

export function pick<T>(values: readonly T[]): T {
  const value = values[Math.floor(Math.random() * values.length)];
  if (value === undefined) throw new Error("There is nothing to pick from");
  return value;
}
