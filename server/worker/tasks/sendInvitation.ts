import type { Task } from "graphile-worker";

import { newToken } from "../../auth/token.ts";
import { invitationLink, invitationMail } from "../../mail/messages.ts";
import { readPayloadText } from "../readPayloadText.ts";
import type { WorkerDeps } from "../startWorker.ts";

/** The token is made here and leaves in the mail; the queue never holds it. */
export function makeSendInvitation({
  pools,
  mailer,
  config,
}: WorkerDeps): Task {
  return async (payload) => {
    if (mailer === null) throw new Error("SMTP_URL is not set");
    const { token, hash } = newToken();
    const { rows } = await pools.worker.query<{
      email: string;
      brand_name: string;
      role: string;
      inviter_name: string | null;
    }>(
      "select email, brand_name, role, inviter_name from app_private.issue_invitation($1, $2)",
      [readPayloadText(payload, "invitationId"), hash],
    );
    const [invitation] = rows;
    // Accepted, taken back or run out meanwhile: nothing to send.
    if (invitation === undefined) return;
    await mailer.send(
      invitationMail({
        to: invitation.email,
        brandName: invitation.brand_name,
        role: invitation.role,
        inviterName: invitation.inviter_name,
        link: invitationLink(config.rootUrl, token),
      }),
    );
  };
}
