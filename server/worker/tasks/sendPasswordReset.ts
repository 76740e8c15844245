import type { Task } from "graphile-worker";

import { newToken } from "../../auth/token.ts";
import { passwordResetMail, resetLink } from "../../mail/messages.ts";
import { readPayloadText } from "../readPayloadText.ts";
import type { WorkerDeps } from "../startWorker.ts";

/** The token is made here and leaves in the mail; the queue never holds it. */
export function makeSendPasswordReset({
  pools,
  mailer,
  config,
}: WorkerDeps): Task {
  return async (payload) => {
    if (mailer === null) throw new Error("SMTP_URL is not set");
    const { token, hash } = newToken();
    const { rows } = await pools.worker.query<{
      email: string;
      display_name: string;
    }>(
      "select email, display_name from app_private.issue_password_reset($1, $2)",
      [readPayloadText(payload, "userId"), hash],
    );
    const [person] = rows;
    if (person === undefined) return;
    await mailer.send(
      passwordResetMail({
        to: person.email,
        displayName: person.display_name,
        link: resetLink(config.rootUrl, token),
      }),
    );
  };
}
