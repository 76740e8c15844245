import type { InfiniteData } from "@tanstack/react-query";
import { useEffect, useState } from "react";

type Paged = {
  data: InfiniteData<unknown, unknown> | undefined;
  hasNextPage: boolean;
  isFetching: boolean;
  isError: boolean;
  fetchNextPage: () => Promise<unknown>;
};

/**
 * "Show older" of a list that is live. How many pages are wanted is kept apart
 * from what has come: a live change reads everything again and cancels a page
 * under way, which is then fetched once more instead of being forgotten.
 */
export function useOlderPages(paged: Paged): {
  isFetchingOlder: boolean;
  fetchOlder: () => void;
} {
  const { data, hasNextPage, isFetching, isError, fetchNextPage } = paged;
  const [wanted, setWanted] = useState(1);
  const isShort =
    data !== undefined && data.pages.length < wanted && hasNextPage;
  useEffect(() => {
    // One that failed waits for the next click.
    if (isShort && !isFetching && !isError) void fetchNextPage();
  }, [isShort, isFetching, isError, fetchNextPage]);
  return {
    isFetchingOlder: isShort && !isError,
    fetchOlder: () => {
      setWanted((data?.pages.length ?? 0) + 1);
      if (isError) void fetchNextPage();
    },
  };
}
