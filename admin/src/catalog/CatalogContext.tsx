import {
  type Query,
  type QueryClient,
  useQuery,
  useQueryClient,
} from "@tanstack/react-query";
import type { ReactNode } from "react";
import { createContext, useContext, useEffect, useMemo, useRef } from "react";
import { useResourceContext } from "react-admin";

import { useSession } from "../useSession.ts";
import type { AdminCatalog, AdminResource } from "./adopt.ts";
import { emptyCatalog } from "./adopt.ts";
import type { Gone } from "./gone.ts";
import { loadCatalog, type LoadedCatalog } from "./loadCatalog.ts";

type CatalogState = {
  catalog: AdminCatalog;
  isPending: boolean;
  /** Why there is none, although somebody is signed in. */
  error: Error | null;
  gone: Gone;
};

const CatalogContext = createContext<CatalogState | null>(null);

/** A schema that is being rebuilt answers in bursts; one reading is enough. */
const SETTLE_MS = 60;

const versionIn = (data: string): string | null => {
  const told: unknown = JSON.parse(data);
  return typeof told === "object" && told !== null && "version" in told
    ? String(told.version)
    : null;
};

const NOTHING_GONE: Gone = new Map();

/**
 * Reads the catalogue, then all that may have changed with the tables: rights
 * and rows. A table that is gone is not asked for once more, although its page
 * is there until React has drawn the next one: that could only fail.
 */
async function readAgain(queryClient: QueryClient): Promise<void> {
  const catalogs = { queryKey: ["catalog"] };
  await queryClient.invalidateQueries(catalogs);
  const gone = new Set(
    queryClient
      .getQueriesData<LoadedCatalog>({ ...catalogs, type: "active" })
      .flatMap(([, loaded]) => [...(loaded?.gone.keys() ?? [])]),
  );
  const isGone = ({ queryKey }: Query) => gone.has(String(queryKey[0]));
  await queryClient.cancelQueries({ predicate: isGone });
  await queryClient.invalidateQueries({
    predicate: (query) => query.queryKey[0] !== "catalog" && !isGone(query),
  });
  // Should the table come back, its rows are read anew.
  queryClient.removeQueries({ predicate: isGone, type: "inactive" });
}

/** Reads the catalogue again when a developer's server says it changed. */
const useCatalogEvents = (
  address: string | null,
  version: string | undefined,
): void => {
  const queryClient = useQueryClient();
  const known = useRef(version);
  useEffect(() => {
    known.current = version;
  }, [version]);
  useEffect(() => {
    if (address === null) return undefined;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const source = new EventSource(address);
    const changed = (event: MessageEvent<string>) => {
      // Told at every connection; only another version is news.
      if (versionIn(event.data) === known.current) return;
      clearTimeout(timer);
      timer = setTimeout(() => {
        void readAgain(queryClient);
      }, SETTLE_MS);
    };
    source.addEventListener("catalog", changed);
    return () => {
      clearTimeout(timer);
      source.close();
    };
  }, [address, queryClient]);
};

export const CatalogProvider = ({
  hasPages,
  children,
}: {
  /** Whether a resource has pages somebody wrote. */
  hasPages: (resource: string) => boolean;
  children: ReactNode;
}) => {
  const { session, isPending: isSessionPending } = useSession();
  const signedIn = session.user !== null;
  const { data, isPending, error } = useQuery({
    queryKey: ["catalog", session.user?.id, session.role, session.brand?.id],
    queryFn: ({ signal }) => loadCatalog(hasPages, signal),
    enabled: signedIn,
    staleTime: Number.POSITIVE_INFINITY,
    structuralSharing: false,
  });
  useCatalogEvents(
    signedIn ? (data?.events ?? null) : null,
    data?.catalog.version,
  );
  const state = useMemo<CatalogState>(
    () => ({
      catalog: data?.catalog ?? emptyCatalog,
      isPending: isSessionPending || (signedIn && isPending),
      error: signedIn && data === undefined ? error : null,
      gone: data?.gone ?? NOTHING_GONE,
    }),
    [data, error, isPending, isSessionPending, signedIn],
  );
  return <CatalogContext value={state}>{children}</CatalogContext>;
};

const useCatalogState = (): CatalogState => {
  const state = useContext(CatalogContext);
  if (state === null) {
    throw new Error("useCatalog needs a CatalogProvider above it.");
  }
  return state;
};

export const useCatalog = (): AdminCatalog => useCatalogState().catalog;

export const useIsCatalogPending = (): boolean => useCatalogState().isPending;

export const useCatalogError = (): Error | null => useCatalogState().error;

export const useGone = (): Gone => useCatalogState().gone;

/** The resource of this page, as the catalogue describes it. */
export const useCatalogResource = (name?: string): AdminResource => {
  const context = useResourceContext();
  const wanted = name ?? context ?? "";
  const resource = useCatalog().byName.get(wanted);
  if (resource === undefined) {
    throw new Error(`The catalogue has no resource "${wanted}".`);
  }
  return resource;
};
