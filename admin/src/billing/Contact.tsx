import Link from "@mui/material/Link";

import { contactLink } from "./billingWords.ts";

/** Whom to ask about paying, as the installation says: words, or a way to reach them. */
export const Contact = ({ contact }: { contact: string }) => {
  const href = contactLink(contact);
  return href === null ? (
    <strong>{contact}</strong>
  ) : (
    <Link
      href={href}
      {...(href.startsWith("https:")
        ? { target: "_blank", rel: "noopener noreferrer" }
        : {})}
    >
      {contact}
    </Link>
  );
};
