import { EventEmitter } from "node:events";

import { QueryClient } from "@tanstack/react-query";
import { CoreAdminContext, type DataProvider, memoryStore } from "ra-core";
import { createElement, type FunctionComponent } from "react";
import { createRoot } from "react-dom/client";
import { MemoryRouter } from "react-router-dom";

/**
 * As much of a page as React asks for when components draw nothing: hooks run in
 * the real React and the real react-admin, without a browser.
 */
const listener = () => {
  const events = new EventEmitter();
  return {
    addEventListener: (name: string, tell: () => void) =>
      void events.on(name, tell),
    removeEventListener: (name: string, tell: () => void) =>
      void events.off(name, tell),
  };
};

const makePage = () => {
  const page = {
    ...listener(),
    nodeType: 9,
    nodeName: "#document",
    visibilityState: "visible",
    activeElement: null,
    defaultView: undefined as unknown,
  };
  const view = {
    ...listener(),
    document: page,
    location: { href: "http://test/", hash: "", search: "", pathname: "/" },
    navigator: { userAgent: "test" },
    HTMLIFrameElement: class {},
  };
  page.defaultView = view;
  const container = {
    ...listener(),
    nodeType: 1,
    nodeName: "DIV",
    tagName: "DIV",
    namespaceURI: "http://www.w3.org/1999/xhtml",
    ownerDocument: page,
    textContent: "",
    firstChild: null,
    lastChild: null,
  };
  return { container: container as unknown as Element, view };
};

/** Runs hooks within an admin; `until` waits for what they lead to. */
export const runHooks = async <Value>(
  dataProvider: DataProvider,
  useValue: () => Value,
) => {
  const { container, view } = makePage();
  // It stays: React goes on for a moment after it is unmounted.
  Object.assign(globalThis, { window: view });
  let latest: Value | undefined;
  let waiting: (() => void)[] = [];
  const failures: unknown[] = [];
  const Probe: FunctionComponent = () => {
    latest = useValue();
    for (const tell of waiting.splice(0)) queueMicrotask(tell);
    return null;
  };
  const queryClient = new QueryClient({
    defaultOptions: { queries: { retry: false } },
  });
  const root = createRoot(container, {
    onUncaughtError: (error) => {
      failures.push(error);
      for (const tell of waiting.splice(0)) tell();
    },
  });
  root.render(
    createElement(
      MemoryRouter,
      null,
      createElement(
        CoreAdminContext,
        { dataProvider, queryClient, store: memoryStore() },
        createElement(Probe),
      ),
    ),
  );
  const until = async (isIt: (value: Value) => boolean): Promise<Value> => {
    for (;;) {
      if (failures.length > 0) throw failures[0] as Error;
      if (latest !== undefined && isIt(latest)) return latest;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };
  return {
    until,
    queryClient,
    close: () => {
      root.unmount();
      queryClient.clear();
      waiting = [];
    },
  };
};
