import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { connect } from "node:net";

import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";

import { withClient } from "../../server/db/clients.ts";
import { makeFileUrls } from "../../server/storage/signUrls.ts";
import { createTestDatabase, type TestDatabase } from "../helpers/database.ts";
import { buildProduct } from "../helpers/factories.ts";
import { type HttpClient, rawRequest } from "../helpers/http.ts";
import { makePeople, PASSWORD, type People } from "../helpers/people.ts";
import {
  startTestServer,
  TEST_LIMITS,
  TEST_SECRET,
  type TestHttpServer,
} from "../helpers/server.ts";

/** The smallest real files of each kind that a sniffer can tell apart. */
const PNG = Buffer.from(
  "89504e470d0a1a0a0000000d4948445200000001000000010806000000" +
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082",
  "hex",
);
const JPEG = Buffer.concat([
  Buffer.from("ffd8ffe000104a46494600", "hex"),
  Buffer.alloc(40, 1),
  Buffer.from("ffd9", "hex"),
]);
const GIF = Buffer.concat([Buffer.from("GIF89a"), Buffer.alloc(20, 1)]);
const WEBP = Buffer.concat([
  Buffer.from("RIFF\x10\0\0\0WEBPVP8 ", "latin1"),
  Buffer.alloc(20, 1),
]);
const SVG = Buffer.from(
  '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
);
const HTML = Buffer.from(
  "<!doctype html><script>alert(document.cookie)</script>",
);

let db: TestDatabase;
let people: People;
let server: TestHttpServer;

beforeAll(async () => {
  db = await createTestDatabase();
  people = await makePeople(db);
  server = await startTestServer(db, {
    limits: {
      ...TEST_LIMITS,
      uploadBytes: 300_000,
      signInsPerMinute: 1_000,
    },
  });
});

afterAll(async () => {
  await server?.close();
  await db?.drop();
});

async function signedIn(person: { email: string }): Promise<HttpClient> {
  const client = server.client();
  expect((await client.signIn(person.email, PASSWORD)).status).toBe(200);
  return client;
}

const ask = (
  client: HttpClient,
  kind: string,
  contentType: string,
  bytes: number,
) =>
  client.graphql(
    `mutation ($input: RequestUploadInput!) { requestUpload(input: $input) { key url } }`,
    { input: { kind, contentType, bytes } },
  );

type Target = { key: string; url: string };

async function target(
  client: HttpClient,
  file: Buffer,
  contentType: string,
  kind = "GARMENT",
): Promise<Target> {
  const { data, errors } = await ask(client, kind, contentType, file.length);
  expect(errors).toEqual([]);
  return data?.["requestUpload"] as Target;
}

const put = (
  url: string,
  file: Buffer,
  contentType: string,
  headers: Record<string, string> = {},
) =>
  server.client().request("PUT", url, {
    body: file,
    headers: { "content-type": contentType, ...headers },
  });

const stored = async (key: string) => {
  const { rows } = await db.root.query<{
    status: string;
    bytes: string;
    sha256: Buffer | null;
    owner_brand_id: string | null;
    owner_user_id: string | null;
  }>(
    "select status, bytes, sha256, owner_brand_id, owner_user_id from app_public.storage_objects where key = $1",
    [key],
  );
  return rows[0];
};

const product = (row: Parameters<typeof buildProduct>[1]) =>
  withClient(db.urls.root, (client) => buildProduct(client, row));

/** Stored and half-received alike. */
const filesOnDisk = () =>
  readdirSync(server.dataDir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

describe("an upload", () => {
  it.each([
    ["image/png", PNG, "png"],
    ["image/jpeg", JPEG, "jpg"],
    ["image/gif", GIF, "gif"],
    ["image/webp", WEBP, "webp"],
  ])(
    "of %s arrives whole, is marked, and comes back as it was",
    async (type, file, extension) => {
      const manager = await signedIn(people.manager);
      const { key, url } = await target(manager, file, type);
      expect(key).toMatch(
        new RegExp(`^garment/\\d{4}/\\d\\d/[0-9a-f-]{36}\\.${extension}$`),
      );
      expect(await stored(key)).toMatchObject({
        status: "pending",
        owner_brand_id: people.lumiere,
        owner_user_id: null,
      });
      expect((await put(url, file, type)).status).toBe(204);
      expect(await stored(key)).toMatchObject({
        status: "available",
        bytes: String(file.length),
        sha256: createHash("sha256").update(file).digest(),
      });

      const { id } = await product({
        brand_id: people.lumiere,
        image_key: key,
      });
      const read = await manager.graphql(
        "query ($id: UUID!) { product(rowId: $id) { imageUrl } }",
        { id },
      );
      const imageUrl = (read.data?.["product"] as { imageUrl: string })
        .imageUrl;
      const response = await fetch(new URL(imageUrl, server.url));
      expect(Buffer.from(await response.arrayBuffer()).equals(file)).toBe(true);
      expect(response.headers.get("content-type")).toBe(type);
      expect(response.headers.get("x-content-type-options")).toBe("nosniff");
      expect(response.headers.get("content-disposition")).toMatch(
        new RegExp(`^inline; filename="[0-9a-f-]+\\.${extension}"$`),
      );
      expect(response.headers.get("content-security-policy")).toBe(
        "default-src 'none'; sandbox",
      );
      expect(response.headers.get("cache-control")).toMatch(
        /^private, max-age=\d+, immutable$/,
      );
      // Not by fetch, which asks caches to step aside once a tag is given.
      const again = await rawRequest(server.url, imageUrl, {
        headers: { "if-none-match": response.headers.get("etag") ?? "" },
      });
      expect([again.status, again.text]).toEqual([304, ""]);
    },
  );

  it("has a link for its owner; staff and another brand get none", async () => {
    const manager = await signedIn(people.manager);
    const { key, url } = await target(manager, PNG, "image/png");
    expect((await put(url, PNG, "image/png")).status).toBe(204);
    const seen = async (client: HttpClient) => {
      const { data, errors } = await client.graphql(
        "query ($key: String!) { storageObjects(filter: {key: {equalTo: $key}}) { nodes { key url } } }",
        { key },
      );
      expect(errors ?? []).toEqual([]);
      return data;
    };
    const row = (link: unknown) => ({
      storageObjects: { nodes: [{ key, url: link }] },
    });
    expect(await seen(manager)).toEqual(row(expect.stringContaining(key)));
    expect(await seen(await signedIn(people.viewer))).toEqual(
      row(expect.stringContaining(key)),
    );
    // Staff see that the file exists, and never what it shows.
    for (const person of [people.support, people.admin]) {
      expect(await seen(await signedIn(person))).toEqual(row(null));
    }
    // Another brand and a shopper do not see that it exists.
    for (const person of [people.stranger, people.shopper]) {
      expect(await seen(await signedIn(person))).toEqual({
        storageObjects: { nodes: [] },
      });
    }
  });

  it("of a shopper belongs to the shopper, whose link nobody else gets", async () => {
    const { key } = await target(
      await signedIn(people.shopper),
      PNG,
      "image/png",
      "SELFIE",
    );
    expect(await stored(key)).toMatchObject({
      owner_user_id: people.shopper.id,
      owner_brand_id: null,
    });
    for (const [person, nodes] of [
      [people.shopper, [{ url: expect.stringContaining(key) }]],
      [people.admin, [{ url: null }]],
      [people.owner, []],
    ] as const) {
      const { data } = await (
        await signedIn(person)
      ).graphql(
        "query ($key: String!) { storageObjects(filter: {key: {equalTo: $key}}) { nodes { url } } }",
        { key },
      );
      expect(data).toEqual({ storageObjects: { nodes } });
    }
  });

  it("is refused to those who may own no file", async () => {
    for (const person of [people.viewer, people.support]) {
      const { errors } = await ask(
        await signedIn(person),
        "GARMENT",
        "image/png",
        10,
      );
      expect(errors[0]?.extensions.code).toBe("DNIED");
    }
    expect(
      (await ask(server.client(), "GARMENT", "image/png", 10)).errors[0]
        ?.extensions.code,
    ).toBe("DNIED");
  });

  it("of a selfie by a manager is a picture of the brand's model", async () => {
    const { data, errors } = await ask(
      await signedIn(people.manager),
      "SELFIE",
      "image/png",
      10,
    );
    expect(errors).toEqual([]);
    const { key } = data?.["requestUpload"] as Target;
    const { rows } = await db.root.query(
      "select owner_user_id, owner_brand_id is not null as is_brands from app_public.storage_objects where key = $1",
      [key],
    );
    expect(rows).toEqual([{ owner_user_id: null, is_brands: true }]);
  });

  it.each([
    ["image/svg+xml", 10, "INVAL", "contentType"],
    ["text/html", 10, "INVAL", "contentType"],
    ["image/png; charset=x", 10, "INVAL", "contentType"],
    ["image/png", 0, "INVAL", "bytes"],
    ["image/png", -1, "INVAL", "bytes"],
    ["image/png", 300_001, "LARGE", "bytes"],
  ])(
    "announced as %s of %d bytes is refused with %s",
    async (type, bytes, code, field) => {
      const { errors } = await ask(
        await signedIn(people.manager),
        "GARMENT",
        type,
        bytes,
      );
      expect(errors[0]?.extensions).toMatchObject({ code, field });
    },
  );

  it("at the size limit is taken", async () => {
    const file = Buffer.concat([PNG, Buffer.alloc(300_000 - PNG.length)]);
    const { url } = await target(
      await signedIn(people.manager),
      file,
      "image/png",
    );
    expect((await put(url, file, "image/png")).status).toBe(204);
  });

  it("is taken once", async () => {
    const { key, url } = await target(
      await signedIn(people.manager),
      PNG,
      "image/png",
    );
    const answers = await Promise.all(
      [1, 2, 3].map(() => put(url, PNG, "image/png")),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409, 409]);
    expect((await put(url, PNG, "image/png")).status).toBe(409);
    expect(await stored(key)).toMatchObject({ status: "available" });
  });

  it.each<[string, Buffer, string]>([
    ["SVG called PNG", SVG, "image/png"],
    ["HTML called PNG", HTML, "image/png"],
    ["JPEG called PNG", JPEG, "image/png"],
    ["a few bytes", Buffer.from("ab"), "image/png"],
    [
      "a PNG whose first bytes are off by one",
      Buffer.concat([Buffer.from("x"), PNG]),
      "image/png",
    ],
  ])("of %s is refused and leaves nothing", async (_name, file, type) => {
    const before = filesOnDisk();
    const { key, url } = await target(
      await signedIn(people.manager),
      file,
      type,
    );
    const answer = await put(url, file, type);
    expect([answer.status, answer.json]).toMatchObject([
      422,
      { error: { code: "INVAL" } },
    ]);
    expect(await stored(key)).toMatchObject({
      status: "pending",
      sha256: null,
    });
    expect(filesOnDisk()).toEqual(before);
  });

  it("that is larger or smaller than announced is refused and leaves nothing", async () => {
    const before = filesOnDisk();
    const { key, url } = await target(
      await signedIn(people.manager),
      PNG,
      "image/png",
    );
    expect(
      (await put(url, Buffer.concat([PNG, Buffer.from("x")]), "image/png"))
        .status,
    ).toBe(413);
    expect(
      (await put(url, PNG.subarray(0, PNG.length - 1), "image/png")).status,
    ).toBe(422);
    // Without a length the bytes are counted as they come.
    const chunked = await rawRequest(server.url, url, {
      method: "PUT",
      headers: { "content-type": "image/png", "transfer-encoding": "chunked" },
      body: Buffer.concat([PNG, Buffer.alloc(200_000)]),
    });
    expect(chunked.status).toBe(413);
    expect(await stored(key)).toMatchObject({ status: "pending" });
    expect(filesOnDisk()).toEqual(before);
    expect((await put(url, PNG, "image/png")).status).toBe(204);
  });

  it("that is far too large still gets an answer, not a broken connection", async () => {
    const { url } = await target(
      await signedIn(people.manager),
      PNG,
      "image/png",
    );
    const large = Buffer.concat([PNG, Buffer.alloc(250_000)]);
    expect((await put(url, large, "image/png")).status).toBe(413);
    const forged = url.replace(/signature=./, "signature=_");
    expect((await put(forged, large, "image/png")).status).toBe(403);
  });

  it("sent as another type than announced is refused", async () => {
    const { url } = await target(
      await signedIn(people.manager),
      PNG,
      "image/png",
    );
    expect((await put(url, PNG, "image/jpeg")).status).toBe(415);
    expect((await put(url, PNG, "text/html")).status).toBe(415);
  });

  it("that is cut off leaves nothing, and may be sent again", async () => {
    const before = filesOnDisk();
    const file = Buffer.concat([PNG, Buffer.alloc(100_000)]);
    const { key, url } = await target(
      await signedIn(people.manager),
      file,
      "image/png",
    );
    const { request } = await import("node:http");
    await new Promise<void>((resolve) => {
      const upload = request(new URL(url, server.url), {
        method: "PUT",
        headers: {
          "content-type": "image/png",
          "content-length": String(file.length),
        },
      });
      upload.on("error", () => resolve());
      upload.write(file.subarray(0, 50_000), () =>
        setTimeout(() => upload.destroy(), 50),
      );
    });
    // The server notices in its own time.
    while (filesOnDisk().length > before.length) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(filesOnDisk()).toEqual(before);
    expect(await stored(key)).toMatchObject({ status: "pending" });
    expect((await put(url, file, "image/png")).status).toBe(204);
  });
});

describe("a link", () => {
  const key = "garment/2026/01/00000000-0000-4000-8000-000000000000.png";
  const fileUrls = makeFileUrls(TEST_SECRET);
  const status = async (url: string, method = "GET") =>
    (
      await rawRequest(
        server.url,
        url,
        method === "PUT"
          ? { method, headers: { "content-type": "image/png" }, body: PNG }
          : { method },
      )
    ).status;

  it("that is good for a file that is not there answers 404", async () => {
    expect(await status(fileUrls.download(key))).toBe(404);
  });

  it("that was altered in any part is refused", async () => {
    const url = fileUrls.download(key);
    expect(await status(url.replace("0000.png", "0001.png"))).toBe(403);
    expect(await status(url.replace(/expires=(\d)/, "expires=9$1"))).toBe(403);
    expect(await status(url.replace(/signature=./, "signature=_"))).toBe(403);
    expect(await status(url.replace(/signature=[^&]+/, ""))).toBe(403);
    expect(await status(`/files/${key}`)).toBe(403);
    expect(await status(`${url}&expires=99999999999`)).toBe(404);
    const upload = fileUrls.upload({
      key,
      contentType: "image/png",
      bytes: PNG.length,
    });
    expect(
      await status(upload.replace(/bytes=\d+/, "bytes=999999"), "PUT"),
    ).toBe(403);
    expect(
      await status(upload.replace("image%2Fpng", "text%2Fhtml"), "PUT"),
    ).toBe(403);
  });

  it("to read is none to write, and the other way round", async () => {
    expect(await status(fileUrls.download(key), "PUT")).toBe(403);
    expect(
      await status(
        fileUrls.upload({ key, contentType: "image/png", bytes: 1 }),
      ),
    ).toBe(403);
  });

  it("of another installation is refused", async () => {
    expect(await status(makeFileUrls("x".repeat(40)).download(key))).toBe(403);
  });

  it("ends: reading after one to two hours, writing after 15 minutes", async () => {
    const past = (ms: number) =>
      makeFileUrls(TEST_SECRET, () => Date.now() - ms);
    expect(await status(past(30 * 60_000).download(key))).toBe(404);
    expect(await status(past(2 * 3_600_000 + 1_000).download(key))).toBe(403);
    expect(
      await status(
        past(16 * 60_000).upload({
          key,
          contentType: "image/png",
          bytes: PNG.length,
        }),
        "PUT",
      ),
    ).toBe(403);
    // Good, but for a key nobody registered.
    expect(
      await status(
        past(14 * 60_000).upload({
          key,
          contentType: "image/png",
          bytes: PNG.length,
        }),
        "PUT",
      ),
    ).toBe(409);
  });

  it("stays the same within an hour, so that browsers keep the picture", () => {
    const at = (minute: number) =>
      makeFileUrls(TEST_SECRET, () =>
        Date.UTC(2026, 0, 1, 10, minute),
      ).download(key);
    expect(at(1)).toBe(at(59));
    expect(at(59)).not.toBe(at(60));
  });

  it("asked for by an address that is no URL is refused, and no fault", async () => {
    const answer = await new Promise<string>((resolve, reject) => {
      const { port } = new URL(server.url);
      const socket = connect(Number(port), "127.0.0.1", () => {
        socket.write(
          `GET http://a:99999/files/${key} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
        );
      });
      let received = "";
      socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
      socket.on("error", reject);
      socket.on("close", () => {
        resolve(received);
      });
    });
    expect(answer).toMatch(/^HTTP\/1\.1 403 /);
  });

  it("only GET, HEAD and PUT are answered", async () => {
    expect(await status(fileUrls.download(key), "DELETE")).toBe(405);
    expect(await status(fileUrls.download(key), "POST")).toBe(405);
  });

  it.each([
    "../../../etc/passwd",
    "..%2f..%2f..%2fetc%2fpasswd",
    "garment/../../secret",
    "garment/%2e%2e/%2e%2e/secret",
    "garment/..%5c..%5csecret",
    "/etc/passwd",
    "garment//x.png",
    "garment/x.png%00.svg",
    "garment/%ff%fe.png",
    "%",
  ])("never leaves the folder: %s", async (path) => {
    // Even signed for exactly this path.
    const query = fileUrls.download(decodeLoose(path)).split("?")[1];
    const answer = await rawRequest(server.url, `/files/${path}?${query}`);
    expect([path, [403, 404].includes(answer.status)]).toEqual([path, true]);
    expect(answer.text).not.toMatch(/root:|test-secret/);
  });
});

function decodeLoose(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

describe("illustrations", () => {
  it("are drawn in the colour asked for, for anybody", async () => {
    const navy = await server
      .client()
      .get("/illustrations/tops.svg?color=Navy%20Blue");
    expect(navy.status).toBe(200);
    expect(navy.headers.get("content-type")).toBe(
      "image/svg+xml; charset=utf-8",
    );
    expect(navy.headers.get("cache-control")).toMatch(/^public, max-age=\d+$/);
    const red = await server.client().get("/illustrations/tops.svg?color=Red");
    expect(red.text).not.toBe(navy.text);
    expect(red.text).not.toContain("{{");
  });

  it("an unknown, missing, doubled or hostile colour gets a neutral one, and is never echoed", async () => {
    const neutral = (await server.client().get("/illustrations/tops.svg")).text;
    for (const query of [
      "?color=Blurple",
      "?color=",
      "?color=Red&color=Blue",
      "?color=%22%3E%3Cscript%3E",
      "?color[x]=Red",
    ]) {
      const answer = await server
        .client()
        .get(`/illustrations/tops.svg${query}`);
      expect([query, answer.status]).toEqual([query, 200]);
      expect(answer.text).not.toContain("script");
      if (!query.includes("Red")) expect(answer.text).toBe(neutral);
    }
  });

  it("there is one for every category, and none for what is no category", async () => {
    const { rows } = await db.root.query<{ code: string }>(
      "select code from app_public.wardrobe_categories",
    );
    expect(rows.length).toBe(12);
    for (const { code } of rows) {
      expect([
        code,
        (await server.client().get(`/illustrations/${code}.svg`)).status,
      ]).toEqual([code, 200]);
    }
    expect((await server.client().get("/illustrations/cars.svg")).status).toBe(
      404,
    );
    expect(
      (await rawRequest(server.url, "/illustrations/..%2ftint.ts")).status,
    ).toBe(404);
  });

  it("stand in for a product without a picture", async () => {
    const owner = await signedIn(people.stranger);
    const { id } = await product({
      brand_id: people.denim,
      category_code: "bottoms",
      color: "Navy Blue",
    });
    const read = await owner.graphql(
      "query ($id: UUID!) { product(rowId: $id) { imageUrl } }",
      { id },
    );
    expect(read.data).toEqual({
      product: { imageUrl: "/illustrations/bottoms.svg?color=Navy+Blue" },
    });
  });
});
