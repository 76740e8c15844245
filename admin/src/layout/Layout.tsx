import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import type { ReactNode } from "react";
import { Suspense, useEffect } from "react";
import { useLocation, useSidebarState, useTranslate } from "react-admin";
import { ErrorBoundary } from "react-error-boundary";

import { SessionDialog } from "../auth/SessionDialog.tsx";
import { emptyCatalog } from "../catalog/adopt.ts";
import {
  useCatalog,
  useCatalogError,
  useIsCatalogPending,
} from "../catalog/CatalogContext.tsx";
import { LiveUpdates } from "../live/LiveUpdates.tsx";
import { AppBar } from "./AppBar.tsx";
import { ConnectionNotice } from "./ConnectionNotice.tsx";
import { ErrorPage } from "./ErrorPage.tsx";
import { Sidebar } from "./Sidebar.tsx";

export const PageSkeleton = () => (
  <Box aria-busy="true" sx={{ pt: 1 }}>
    <Skeleton variant="rounded" height={44} sx={{ mb: 2.5, maxWidth: 420 }} />
    <Skeleton variant="rounded" height={360} sx={{ borderRadius: "14px" }} />
  </Box>
);

/** The tab says which page it is: read from the title every page already sets. */
const DocumentTitle = () => {
  useEffect(() => {
    const title = document.getElementById("react-admin-title");
    if (title === null) return undefined;
    const apply = () => {
      const text = title.textContent.trim();
      document.title = text === "" ? "ClosetAI" : `${text} · ClosetAI`;
    };
    const observer = new MutationObserver(apply);
    observer.observe(title, {
      childList: true,
      subtree: true,
      characterData: true,
    });
    apply();
    return () => observer.disconnect();
  }, []);
  return null;
};

/** A drawer that was open on a wide screen must not cover a narrow one. */
const ClosedDrawerAtStart = () => {
  const [, setOpen] = useSidebarState();
  useEffect(() => {
    if (window.matchMedia("(max-width: 899.95px)").matches) setOpen(false);
  }, [setOpen]);
  return null;
};

/** The first stop of the keyboard; seen only while it has the focus. */
const SkipLink = () => {
  const translate = useTranslate();
  return (
    <Button
      variant="contained"
      onClick={() => document.getElementById("main-content")?.focus()}
      sx={{
        position: "fixed",
        top: 12,
        left: 12,
        zIndex: "tooltip",
        "&:not(:focus)": { transform: "translateY(-200%)" },
      }}
    >
      {translate("app.skip")}
    </Button>
  );
};

/**
 * A page knows what to ask for once the catalogue has come, and no more once who
 * was here signed out: it still stands for a moment then.
 */
const Described = ({ children }: { children: ReactNode }) => {
  const isPending = useIsCatalogPending();
  const error = useCatalogError();
  const catalog = useCatalog();
  if (error !== null) return <ErrorPage error={error} />;
  return isPending || catalog === emptyCatalog ? <PageSkeleton /> : children;
};

export const Layout = ({ children }: { children: ReactNode }) => {
  const { pathname } = useLocation();
  return (
    <Box
      sx={{
        display: "flex",
        minHeight: "100vh",
        bgcolor: "background.default",
        color: "text.primary",
      }}
    >
      <SkipLink />
      <ClosedDrawerAtStart />
      <Sidebar />
      <Box
        sx={{ flex: 1, minWidth: 0, display: "flex", flexDirection: "column" }}
      >
        <AppBar />
        <ConnectionNotice />
        <LiveUpdates />
        <SessionDialog />
        <DocumentTitle />
        <Box
          component="main"
          id="main-content"
          tabIndex={-1}
          sx={{
            flex: 1,
            outline: "none",
            width: "100%",
            maxWidth: 1480,
            px: { xs: 1.5, sm: 3, md: 5 },
            pb: 8,
          }}
        >
          <ErrorBoundary
            resetKeys={[pathname]}
            fallbackRender={({ error, resetErrorBoundary }) => (
              <ErrorPage
                error={error}
                resetErrorBoundary={resetErrorBoundary}
              />
            )}
          >
            <Suspense fallback={<PageSkeleton />}>
              <Described>{children}</Described>
            </Suspense>
          </ErrorBoundary>
        </Box>
      </Box>
    </Box>
  );
};
