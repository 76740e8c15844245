import Box from "@mui/material/Box";
import ButtonBase from "@mui/material/ButtonBase";
import Drawer from "@mui/material/Drawer";
import type { Theme } from "@mui/material/styles";
import Typography from "@mui/material/Typography";
import useMediaQuery from "@mui/material/useMediaQuery";
import { useEffect, useRef } from "react";
import { LinkBase, useMatch, useSidebarState, useTranslate } from "react-admin";

import { useCatalog } from "../catalog/CatalogContext.tsx";
import { useTokens } from "../theme/useTokens.ts";
import { useSession } from "../useSession.ts";
import { BrandSwitcher } from "./BrandSwitcher.tsx";
import { Logo } from "./Logo.tsx";
import type { NavItem } from "./navigation.tsx";
import { navigationFor, withCatalog } from "./navigation.tsx";

export const SIDEBAR_WIDTH = 268;

/**
 * Scrolls the menu, and only the menu. Not scrollIntoView: Chromium then begins the
 * next Tab there, and the skip link would no longer be the first stop of a page.
 */
const reveal = (entry: HTMLElement): void => {
  let menu = entry.parentElement;
  while (menu !== null && menu.scrollHeight <= menu.clientHeight) {
    menu = menu.parentElement;
  }
  if (menu === null || menu.contains(document.querySelector("main"))) return;
  const [inner, outer] = [
    entry.getBoundingClientRect(),
    menu.getBoundingClientRect(),
  ];
  if (inner.top < outer.top) menu.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom)
    menu.scrollTop += inner.bottom - outer.bottom;
};

const NavLink = ({
  to,
  label,
  icon: Icon,
  exact = false,
  place,
  onClick,
}: NavItem & { place: number; onClick: () => void }) => {
  const translate = useTranslate();
  const c = useTokens();
  const active = useMatch({ path: to, end: exact }) !== null;
  const link = useRef<HTMLAnchorElement>(null);
  // A long menu shows where one is, also below its fold, and again when entries
  // that the catalogue adds move it.
  useEffect(() => {
    if (active && link.current !== null) reveal(link.current);
  }, [active, place]);
  return (
    <ButtonBase
      ref={link}
      component={LinkBase}
      to={to}
      onClick={onClick}
      aria-current={active ? "page" : undefined}
      sx={{
        width: "100%",
        justifyContent: "flex-start",
        gap: 1.5,
        minHeight: 42,
        px: 1.5,
        borderRadius: "9px",
        fontSize: "0.92rem",
        fontWeight: active ? 600 : 500,
        color: active ? c.onInk : c.text,
        bgcolor: active ? c.ink : "transparent",
        "& svg": { fontSize: 20, color: active ? c.onInk : c.quiet },
        "&:hover": { bgcolor: active ? c.ink : c.line },
      }}
    >
      <Icon />
      {translate(label, { _: label })}
    </ButtonBase>
  );
};

const SidebarContent = ({ onNavigate }: { onNavigate: () => void }) => {
  const translate = useTranslate();
  const { session, can } = useSession();
  const catalog = useCatalog();
  const sections = withCatalog(
    navigationFor(session, can),
    catalog,
    (key: string) => translate(key, { _: key }),
  );
  const order = sections.flatMap(({ items }) => items.map(({ to }) => to));
  return (
    <Box
      sx={{
        display: "flex",
        flexDirection: "column",
        height: "100%",
        px: 2,
        py: 2.5,
        overflowY: "auto",
      }}
    >
      <Box sx={{ px: 1, mb: 2.5 }}>
        <LinkBase
          to="/"
          onClick={onNavigate}
          aria-label={`${translate("app.name")}: ${translate("menu.home")}`}
          style={{
            color: "inherit",
            textDecoration: "none",
            display: "inline-flex",
            borderRadius: 8,
          }}
        >
          <Logo size={30} />
        </LinkBase>
      </Box>
      <BrandSwitcher />
      <Box
        component="nav"
        aria-label={translate("app.navigation")}
        sx={{ mt: 2 }}
      >
        {sections.map((section) => (
          <Box key={section.label ?? "top"} sx={{ mb: 2 }}>
            {section.label !== null && (
              <Typography
                variant="overline"
                color="textSecondary"
                component="h2"
                sx={{ px: 1.5, mb: 0.5 }}
              >
                {translate(section.label, { _: section.label })}
              </Typography>
            )}
            <Box
              component="ul"
              sx={{
                listStyle: "none",
                m: 0,
                p: 0,
                display: "grid",
                gap: "2px",
              }}
            >
              {section.items.map((item) => (
                <li key={item.to}>
                  <NavLink
                    {...item}
                    place={order.indexOf(item.to)}
                    onClick={onNavigate}
                  />
                </li>
              ))}
            </Box>
          </Box>
        ))}
      </Box>
    </Box>
  );
};

/** A rail on wide screens, a drawer on narrow ones. */
export const Sidebar = () => {
  const c = useTokens();
  const wide = useMediaQuery<Theme>((theme) => theme.breakpoints.up("md"), {
    noSsr: true,
  });
  const [open, setOpen] = useSidebarState();
  if (wide) {
    return (
      <Box
        component="aside"
        sx={{
          width: SIDEBAR_WIDTH,
          flexShrink: 0,
          bgcolor: c.rail,
          borderRight: `1px solid ${c.line}`,
        }}
      >
        <Box sx={{ position: "sticky", top: 0, height: "100vh" }}>
          <SidebarContent onNavigate={() => undefined} />
        </Box>
      </Box>
    );
  }
  return (
    <Drawer
      open={open}
      onClose={() => setOpen(false)}
      slotProps={{
        paper: { sx: { width: 292, maxWidth: "86vw", bgcolor: c.rail } },
      }}
    >
      <SidebarContent onNavigate={() => setOpen(false)} />
    </Drawer>
  );
};
