import type { MouseEvent, ReactNode } from "react";
import { LinkBase } from "react-admin";

/** What a row is opened by without a mouse; the row itself is no control. */
export const RowLink = ({
  to,
  children,
}: {
  to: string;
  children: ReactNode;
}) => (
  <LinkBase
    to={to}
    onClick={(event: MouseEvent) => event.stopPropagation()}
    style={{
      color: "inherit",
      textDecoration: "none",
      display: "block",
      borderRadius: 6,
    }}
  >
    {children}
  </LinkBase>
);
