import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";

export type ReceivedMail = { to: string[]; text: string };

/** A mail server that keeps what it gets; speaks as much SMTP as is needed. */
export type Mailbox = {
  url: string;
  mails: ReceivedMail[];
  /** The next mail to this address that was not taken yet. */
  next(to: string): Promise<ReceivedMail>;
  close(): Promise<void>;
};

export async function startMailbox(): Promise<Mailbox> {
  const mails: ReceivedMail[] = [];
  const sockets = new Set<Socket>();
  const waiting = new Set<() => void>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.write("220 mailbox\r\n");
    let buffered = "";
    let to: string[] = [];
    let body: string[] | null = null;
    const take = (line: string) => {
      if (body !== null) {
        if (line !== ".") {
          body.push(line.replace(/^\.\./, "."));
          return;
        }
        mails.push({ to, text: decodeQuotedPrintable(body.join("\n")) });
        to = [];
        body = null;
        socket.write("250 kept\r\n");
        for (const wake of waiting) wake();
        return;
      }
      const recipient = /^RCPT TO:<([^>]+)>/i.exec(line)?.[1];
      if (recipient !== undefined) to.push(recipient);
      if (/^DATA$/i.test(line)) {
        body = [];
        socket.write("354 go on\r\n");
      } else if (/^QUIT/i.test(line)) socket.end("221 bye\r\n");
      else socket.write("250 fine\r\n");
    };
    socket.on("data", (chunk) => {
      buffered += chunk.toString("utf8");
      const lines = buffered.split("\r\n");
      buffered = lines.pop() ?? "";
      lines.forEach(take);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    next: async (to) => {
      for (;;) {
        const at = mails.findIndex((mail) => mail.to.includes(to));
        const [found] = at < 0 ? [] : mails.splice(at, 1);
        if (found !== undefined) return found;
        await new Promise<void>((resolve) => {
          const wake = () => {
            waiting.delete(wake);
            resolve();
          };
          waiting.add(wake);
        });
      }
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function decodeQuotedPrintable(text: string): string {
  return text
    .replace(/=\n/g, "")
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    );
}
