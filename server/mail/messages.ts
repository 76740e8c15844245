import type { Mail } from "./makeMailer.ts";

/** A token stands behind "#": no server, log or referrer ever sees it. */
export function resetLink(rootUrl: string, token: string): string {
  return `${rootUrl}/admin/reset#token=${token}`;
}

export function invitationLink(rootUrl: string, token: string): string {
  return `${rootUrl}/admin/accept-invite#token=${token}`;
}

export function passwordResetMail(about: {
  to: string;
  displayName: string;
  link: string;
}): Mail {
  return {
    to: about.to,
    subject: "Set a new password for ClosetAI",
    text: [
      about.displayName === ""
        ? "Hello,"
        : `Hello ${oneLine(about.displayName)},`,
      "",
      "somebody asked for a new password for this address. If it was you, set it here within one hour:",
      "",
      about.link,
      "",
      "If it was not you, ignore this mail: your password stays as it is.",
    ].join("\n"),
  };
}

export function invitationMail(about: {
  to: string;
  brandName: string;
  role: string;
  inviterName: string | null;
  link: string;
}): Mail {
  const inviter = about.inviterName
    ? oneLine(about.inviterName)
    : "A colleague";
  return {
    to: about.to,
    subject: `Join ${oneLine(about.brandName)} on ClosetAI`,
    text: [
      "Hello,",
      "",
      `${inviter} invites you to ${oneLine(about.brandName)} as ${about.role}. Accept within 7 days:`,
      "",
      about.link,
      "",
      "If you do not know why, ignore this mail.",
    ].join("\n"),
  };
}

/** What people typed must not write further lines, or headers. */
function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}
