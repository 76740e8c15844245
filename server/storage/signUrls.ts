import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** What an upload link allows: this key, this type, exactly this many bytes. */
export type UploadTicket = {
  key: string;
  contentType: string;
  bytes: number;
};

export type FileUrls = {
  /** A link to read a file; the same within an hour, so that browsers cache. */
  download(key: string): string;
  /** A link to write a file once. */
  upload(ticket: UploadTicket): string;
  /** The seconds a download link has left; null when it is not ours. */
  verifyDownload(key: string, query: URLSearchParams): number | null;
  /** What an upload link allows; null when it is not ours or too old. */
  verifyUpload(key: string, query: URLSearchParams): UploadTicket | null;
};

const HOUR_S = 3_600;
const UPLOAD_S = 15 * 60;

/**
 * Links under /files carry their own permission: an HMAC over verb, key, expiry
 * and, for an upload, type and size. Whoever may see the row gets the link;
 * nothing else opens a file.
 */
export function makeFileUrls(
  secret: string,
  now: () => number = Date.now,
): FileUrls {
  const key = Buffer.from(hkdfSync("sha256", secret, "", "closetai files", 32));
  const sign = (...parts: (string | number)[]) =>
    createHmac("sha256", key).update(parts.join("\n")).digest("base64url");
  const seconds = () => Math.floor(now() / 1_000);
  const path = (file: string, query: Record<string, string>) =>
    `/files/${file.split("/").map(encodeURIComponent).join("/")}?${new URLSearchParams(query).toString()}`;

  return {
    download: (file) => {
      // Rounded, so that the address stays the same for an hour and lives for
      // one to two.
      const expires = (Math.floor(seconds() / HOUR_S) + 2) * HOUR_S;
      return path(file, {
        expires: String(expires),
        signature: sign("GET", file, expires),
      });
    },
    upload: ({ key: file, contentType, bytes }) => {
      const expires = seconds() + UPLOAD_S;
      return path(file, {
        expires: String(expires),
        type: contentType,
        bytes: String(bytes),
        signature: sign("PUT", file, expires, contentType, bytes),
      });
    },
    verifyDownload: (file, query) => {
      const expires = readNumber(query.get("expires"));
      if (expires === null) return null;
      if (!same(query.get("signature"), sign("GET", file, expires)))
        return null;
      const left = expires - seconds();
      return left > 0 ? left : null;
    },
    verifyUpload: (file, query) => {
      const expires = readNumber(query.get("expires"));
      const bytes = readNumber(query.get("bytes"));
      const contentType = query.get("type");
      if (expires === null || bytes === null || contentType === null) {
        return null;
      }
      const signature = sign("PUT", file, expires, contentType, bytes);
      if (!same(query.get("signature"), signature)) return null;
      return expires > seconds() ? { key: file, contentType, bytes } : null;
    },
  };
}

/** Digits only: "1e9" and "0x1" would be numbers, and sign as other text. */
function readNumber(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}

function same(given: string | null, expected: string): boolean {
  if (given === null) return false;
  const a = Buffer.from(given);
  const b = Buffer.from(expected);
  return a.length === b.length && timingSafeEqual(a, b);
}
