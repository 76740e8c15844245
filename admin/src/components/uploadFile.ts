import { HttpError } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";

export const PICTURE_TYPES = [
  "image/png",
  "image/jpeg",
  "image/webp",
  "image/gif",
];

type Target = { key: string; url: string };

/**
 * Registers a picture, sends its bytes to the signed link, and returns its key.
 * XMLHttpRequest, because fetch cannot say how much has been sent.
 */
export async function uploadPicture(
  dataProvider: AppDataProvider,
  file: File,
  onProgress: (fraction: number) => void,
  kind: "GARMENT" | "SELFIE" = "GARMENT",
): Promise<string> {
  const { key, url } = await dataProvider.mutate<Target>(
    "requestUpload",
    { kind, contentType: file.type, bytes: file.size },
    "key url",
  );
  await sendBytes(url, file, onProgress);
  return key;
}

export const sendBytes = (
  url: string,
  file: Blob,
  onProgress: (fraction: number) => void,
): Promise<void> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("PUT", url);
    if (file.type !== "") request.setRequestHeader("content-type", file.type);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        resolve();
        return;
      }
      let message = "upload.failed";
      try {
        const body = JSON.parse(request.responseText) as {
          error?: { message?: string };
        };
        message = body.error?.message ?? message;
      } catch {
        // Not our server's answer; the general sentence stands.
        message = "upload.failed";
      }
      reject(new HttpError(message, request.status));
    };
    request.onerror = () => reject(new HttpError("server.unreachable", 503));
    request.send(file);
  });
