import SearchIcon from "@mui/icons-material/Search";
import Box from "@mui/material/Box";
import ButtonBase from "@mui/material/ButtonBase";
import { useEffect, useState } from "react";
import { useTranslate } from "react-admin";

import { useSavedViews } from "../savedViews/useSavedViews.ts";
import { useTokens } from "../theme/useTokens.ts";
import { SearchDialog } from "./SearchDialog.tsx";

const isMac = /Mac|iP(hone|ad|od)/.test(navigator.userAgent);

/** Opens the search: a button, and Ctrl-K or ⌘K anywhere. */
export const SearchButton = () => {
  const translate = useTranslate();
  const c = useTokens();
  const [open, setOpen] = useState(false);
  // Read once with the first page: no list has to ask for them then.
  useSavedViews();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (
        (event.ctrlKey || event.metaKey) &&
        !event.altKey &&
        !event.shiftKey &&
        event.key.toLowerCase() === "k"
      ) {
        event.preventDefault();
        setOpen((now) => !now);
      }
    };
    window.addEventListener("keydown", onKeyDown);
    return () => window.removeEventListener("keydown", onKeyDown);
  }, []);
  return (
    <>
      <ButtonBase
        onClick={() => setOpen(true)}
        aria-label={translate("search.title")}
        aria-keyshortcuts={isMac ? "Meta+K" : "Control+K"}
        aria-haspopup="dialog"
        sx={{
          gap: 1,
          px: { xs: 1, sm: 1.5 },
          minHeight: 38,
          borderRadius: "9px",
          color: c.quiet,
          border: { xs: "none", sm: `1px solid ${c.line}` },
          bgcolor: { xs: "transparent", sm: c.paper },
          fontSize: "0.86rem",
          "&:hover": { borderColor: c.control },
        }}
      >
        <SearchIcon sx={{ fontSize: 20 }} />
        <Box
          component="span"
          aria-hidden="true"
          sx={{ display: { xs: "none", lg: "inline" }, pr: 3 }}
        >
          {translate("search.short")}
        </Box>
        <Box
          component="kbd"
          aria-hidden="true"
          sx={{
            display: { xs: "none", sm: "inline" },
            fontFamily: "inherit",
            fontSize: "0.74rem",
          }}
        >
          {isMac ? "⌘K" : "Ctrl K"}
        </Box>
      </ButtonBase>
      {open && <SearchDialog onClose={() => setOpen(false)} />}
    </>
  );
};
