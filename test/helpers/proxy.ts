import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

/** A way to the database that can be cut, closed or frozen. */
export type Proxy = {
  port: number;
  /** Ends every connection; new ones are let through. */
  cut(): void;
  /** Refuses connections, as a stopped server does. */
  down(): Promise<void>;
  up(): Promise<void>;
  /** Accepts and passes nothing on, as a hanging server does. */
  freeze(): void;
  thaw(): void;
  close(): Promise<void>;
};

export async function startProxy(target: URL): Promise<Proxy> {
  const pairs = new Set<[Socket, Socket]>();
  let frozen = false;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      near.destroy();
      far.destroy();
    };
    for (const socket of pair) {
      socket.on("error", end);
      socket.on("close", end);
    }
    near.pipe(far);
    far.pipe(near);
    if (frozen) near.pause();
    if (frozen) far.pause();
  });
  const listen = (port: number) =>
    new Promise<void>((resolve) => {
      server.listen(port, "127.0.0.1", resolve);
    });
  const shut = () =>
    new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      cut();
    });
  const cut = () => {
    for (const [near, far] of pairs) {
      near.destroy();
      far.destroy();
    }
  };
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    cut,
    down: shut,
    up: () => listen(port),
    freeze: () => {
      frozen = true;
      for (const pair of pairs) for (const socket of pair) socket.unpipe();
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    thaw: () => {
      frozen = false;
      for (const [near, far] of pairs) {
        near.pipe(far);
        far.pipe(near);
        near.resume();
        far.resume();
      }
    },
    close: async () => {
      if (server.listening) await shut();
      else cut();
    },
  };
}
