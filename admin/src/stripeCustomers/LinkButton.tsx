import LinkIcon from "@mui/icons-material/LinkOutlined";
import Button from "@mui/material/Button";
import { useState } from "react";

import { LinkDialog } from "./LinkDialog.tsx";
import type { Owner } from "./types.ts";

export const LinkButton = ({
  customerId,
  name,
  suggested = null,
  label,
  variant = "outlined",
}: {
  customerId: string;
  /** What the customer is called. */
  name: string;
  suggested?: Owner | null;
  label: string;
  variant?: "outlined" | "contained";
}) => {
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button
        size="small"
        variant={variant}
        startIcon={<LinkIcon />}
        onClick={() => setOpen(true)}
        sx={{ whiteSpace: "nowrap" }}
      >
        {label}
      </Button>
      {open && (
        <LinkDialog
          customerId={customerId}
          name={name}
          suggested={suggested}
          onClose={() => setOpen(false)}
        />
      )}
    </>
  );
};
