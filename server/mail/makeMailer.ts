import { createTransport } from "nodemailer";

import type { Config } from "../config.ts";

export type Mail = { to: string; subject: string; text: string };

export type Mailer = {
  send(mail: Mail): Promise<void>;
  close(): void;
};

/** Null without SMTP_URL: links then go to a person instead. */
export function makeMailer(
  config: Pick<Config, "smtpUrl" | "mailFrom">,
): Mailer | null {
  if (config.smtpUrl === null) return null;
  const transport = createTransport(config.smtpUrl, { from: config.mailFrom });
  return {
    send: async (mail) => {
      await transport.sendMail(mail);
    },
    close: () => {
      transport.close();
    },
  };
}
