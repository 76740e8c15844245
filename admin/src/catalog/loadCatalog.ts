import { HttpError } from "react-admin";

import { describeResources } from "../dataProvider.ts";
import { i18nProvider } from "../i18n/i18nProvider.ts";
import { liveOptions } from "../live/liveClient.ts";
import { liveTableOf } from "../live/liveTables.ts";
import { actingAs, fetchWhileHere } from "../session.ts";
import { setCatalogAccess } from "./access.ts";
import type { AdminCatalog } from "./adopt.ts";
import { adoptCatalog } from "./adopt.ts";
import { type Gone, goneSince } from "./gone.ts";
import type { Catalog } from "./types.ts";

export type LoadedCatalog = {
  catalog: AdminCatalog;
  /** Where a developer's server tells of changes; null in production. */
  events: string | null;
  gone: Gone;
};

let last: LoadedCatalog | null = null;

/**
 * What this session's role sees. The browser asks by the ETag, so an unchanged
 * catalogue costs a few bytes. Everything that answers questions about
 * resources learns of it before anybody else does.
 */
export async function loadCatalog(
  hasPages: (resource: string) => boolean,
  signal: AbortSignal,
): Promise<LoadedCatalog> {
  let response: Response;
  try {
    response = await fetchWhileHere("/catalog.json", {
      credentials: "same-origin",
      headers: { accept: "application/json", ...actingAs() },
      signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    throw new HttpError("server.unreachable", 503, { code: "DOWN" });
  }
  if (!response.ok) {
    throw new HttpError(
      response.status >= 500 ? "server.unreachable" : "server.refused",
      response.status,
    );
  }
  const document = (await response.json()) as Catalog;
  if (
    last?.catalog.version !== document.version ||
    last.catalog.role !== document.role
  ) {
    const catalog = adoptCatalog(
      document,
      hasPages,
      // Pages somebody wrote have words of their own, which hold everywhere.
      (resource, { name, label }) =>
        i18nProvider.translate(`resources.${resource}.fields.${name}`, {
          _: label,
        }),
    );
    last = {
      catalog,
      events: response.headers.get("Catalog-Events"),
      gone: goneSince(last, catalog),
    };
    describeResources(
      catalog.schemas,
      liveOptions(catalog.schemas, (name) => liveTableOf(catalog, name)),
    );
  }
  setCatalogAccess(last.catalog);
  return last;
}
