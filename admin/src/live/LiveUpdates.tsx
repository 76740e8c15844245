import { useQueryClient } from "@tanstack/react-query";
import type { LiveEvent } from "ra-data-postgraphile";
import { listTopic } from "ra-data-postgraphile";
import { useEffect, useRef, useState } from "react";
import { useDataProvider, useLocation } from "react-admin";

import { useCatalog } from "../catalog/CatalogContext.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { useSession } from "../useSession.ts";
import { reopenLive } from "./liveClient.ts";
import { hasForm, isAffected, liveTableOf } from "./liveTables.ts";

/** A page is read again at most so often, however much happens. */
const REREAD_MS = 1_000;

const OBSERVED: ReadonlySet<string> = new Set([
  "observerAdded",
  "observerRemoved",
  "observerOptionsUpdated",
]);

/** The live resources that something on the page shows, as one text. */
const useShown = (): string => {
  const client = useQueryClient();
  const catalog = useCatalog();
  const [shown, setShown] = useState("");
  useEffect(() => {
    const cache = client.getQueryCache();
    const look = () => {
      const names = new Set<string>();
      for (const query of cache.findAll({ type: "active" })) {
        const [name] = query.queryKey;
        if (typeof name === "string" && liveTableOf(catalog, name)) {
          names.add(name);
        }
      }
      setShown([...names].sort().join());
    };
    look();
    let isDue = false;
    return cache.subscribe(({ type }) => {
      // A page may ask only after it was allowed to: options change, too.
      if (isDue || !OBSERVED.has(type)) return;
      isDue = true;
      // Inside a rendering page nothing else may be set.
      queueMicrotask(() => {
        isDue = false;
        look();
      });
    });
  }, [client, catalog]);
  return shown;
};

/** Reads again what one resource's changes touch, now or a little later. */
const useLiveResource = (resource: string) => {
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const catalog = useCatalog();
  const { pathname } = useLocation();
  const isForm = useRef(false);
  useEffect(() => {
    isForm.current = hasForm(pathname);
  }, [pathname]);
  useEffect(() => {
    let ids: Set<unknown> | null = new Set();
    let timer: ReturnType<typeof setTimeout> | null = null;
    let readAt = 0;
    const read = () => {
      timer = null;
      // A change of one's own is under way: its answer comes first.
      if (client.isMutating() > 0) {
        timer = setTimeout(read, REREAD_MS);
        return;
      }
      const told = ids === null ? [] : [...ids];
      ids = new Set();
      readAt = Date.now();
      void client.invalidateQueries({
        predicate: ({ queryKey }) => isAffected(queryKey, resource, told),
        // A form keeps what is typed; saving tells of a conflict. The next page
        // reads again.
        refetchType: isForm.current ? "none" : "active",
      });
    };
    const listen = ({ payload }: LiveEvent) => {
      if (payload.ids.length === 0) ids = null;
      else for (const id of payload.ids) ids?.add(id);
      timer ??= setTimeout(read, Math.max(0, readAt + REREAD_MS - Date.now()));
    };
    // The provider is exchanged with the catalogue: leave the one that was joined.
    const { subscribe, unsubscribe } = dataProvider;
    const topic = listTopic(resource);
    void subscribe(topic, listen);
    return () => {
      if (timer !== null) clearTimeout(timer);
      void unsubscribe(topic, listen);
    };
  }, [client, dataProvider, catalog, resource]);
};

const LiveResource = ({ resource }: { resource: string }) => {
  useLiveResource(resource);
  return null;
};

/**
 * Keeps whatever page is open up to date: it subscribes to the live tables that
 * the page's queries show, and reads those queries again that a change touches.
 */
export const LiveUpdates = () => {
  const { session } = useSession();
  const who = `${session.user?.id ?? ""} ${session.brand?.id ?? ""}`;
  const known = useRef(who);
  useEffect(() => {
    if (known.current !== who) reopenLive();
    known.current = who;
  }, [who]);
  const shown = useShown();
  return shown === ""
    ? null
    : shown
        .split(",")
        .map((resource) => <LiveResource key={resource} resource={resource} />);
};
