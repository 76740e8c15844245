import { useDataProvider } from "ra-core";
import { useEffect, useRef } from "react";

import type { PostgraphileDataProvider } from "./dataProvider.ts";
import type { LiveCallback } from "./live.ts";

/**
 * Calls back when something about a topic may have changed, as long as the
 * component is mounted: `useSubscribe(listTopic("products"), () => refetch())`.
 * A null topic listens to nothing.
 */
export const useSubscribe = (
  topic: string | null,
  callback: LiveCallback,
): void => {
  const dataProvider = useDataProvider<PostgraphileDataProvider>();
  const latest = useRef(callback);
  useEffect(() => {
    latest.current = callback;
  });
  useEffect(() => {
    if (topic === null) return undefined;
    const listen: LiveCallback = (event) => latest.current(event);
    void dataProvider.subscribe(topic, listen);
    return () => void dataProvider.unsubscribe(topic, listen);
  }, [dataProvider, topic]);
};
