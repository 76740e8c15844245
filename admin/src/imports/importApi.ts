import { HttpError } from "react-admin";

import { actingAs, callServer } from "../session.ts";
import type { ImportPreview } from "./types.ts";

/** Sends a file as it is; the answer says what the server understood of it. */
export const uploadFile = (
  file: File,
  target: string,
  onProgress: (fraction: number) => void,
): Promise<ImportPreview> =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const query = new URLSearchParams({ filename: file.name, target });
    request.open("POST", `/imports?${query.toString()}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    for (const [name, value] of Object.entries(actingAs())) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      let body: unknown;
      try {
        body = JSON.parse(request.responseText);
      } catch {
        reject(new HttpError("server.unreachable", request.status));
        return;
      }
      if (request.status === 201) {
        resolve(body as ImportPreview);
        return;
      }
      const error = (body as { error?: { message?: string; hint?: string } })
        .error;
      reject(
        new HttpError(
          error?.message ?? "server.refused",
          request.status,
          error,
        ),
      );
    };
    request.onerror = () => reject(new HttpError("server.unreachable", 503));
    request.send(file);
  });

export const readPreview = (id: string) =>
  callServer<ImportPreview>(`/imports/${encodeURIComponent(id)}`);
