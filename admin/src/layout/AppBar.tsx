import DarkModeIcon from "@mui/icons-material/DarkModeOutlined";
import LightModeIcon from "@mui/icons-material/LightModeOutlined";
import LogoutIcon from "@mui/icons-material/LogoutOutlined";
import MenuIcon from "@mui/icons-material/Menu";
import PersonIcon from "@mui/icons-material/PersonOutlined";
import Avatar from "@mui/material/Avatar";
import Box from "@mui/material/Box";
import Divider from "@mui/material/Divider";
import IconButton from "@mui/material/IconButton";
import ListItemIcon from "@mui/material/ListItemIcon";
import Menu from "@mui/material/Menu";
import MenuItem from "@mui/material/MenuItem";
import { useTheme } from "@mui/material/styles";
import Tooltip from "@mui/material/Tooltip";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import {
  LinkBase,
  TitlePortal,
  useLogout,
  useSidebarState,
  useTheme as useThemeName,
  useTranslate,
} from "react-admin";

import { SearchButton } from "../search/SearchButton.tsx";
import { useTokens } from "../theme/useTokens.ts";
import { useSession } from "../useSession.ts";

const ThemeButton = () => {
  const translate = useTranslate();
  const [, setThemeName] = useThemeName();
  const dark = useTheme().palette.mode === "dark";
  const label = translate(dark ? "app.theme_to_light" : "app.theme_to_dark");
  return (
    <Tooltip title={label}>
      <IconButton
        aria-label={label}
        onClick={() => setThemeName(dark ? "light" : "dark")}
      >
        {dark ? <LightModeIcon /> : <DarkModeIcon />}
      </IconButton>
    </Tooltip>
  );
};

const initials = (name: string) =>
  name
    .split(/\s+/)
    .filter((part) => part !== "")
    .slice(0, 2)
    .map((part) => part.slice(0, 1).toUpperCase())
    .join("");

const AccountMenu = () => {
  const translate = useTranslate();
  const logout = useLogout();
  const { session } = useSession();
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  if (session.user === null) {
    return null;
  }
  const name = session.user.displayName || session.user.email;
  const close = () => setAnchor(null);
  return (
    <>
      <Tooltip title={translate("app.account")}>
        <IconButton
          aria-label={translate("app.account")}
          aria-haspopup="menu"
          aria-expanded={anchor !== null}
          onClick={(event) => setAnchor(event.currentTarget)}
          sx={{ p: 0.5, borderRadius: "50%" }}
        >
          <Avatar sx={{ width: 34, height: 34, fontSize: "0.82rem" }}>
            {initials(name)}
          </Avatar>
        </IconButton>
      </Tooltip>
      <Menu
        anchorEl={anchor}
        open={anchor !== null}
        onClose={close}
        anchorOrigin={{ vertical: "bottom", horizontal: "right" }}
        transformOrigin={{ vertical: "top", horizontal: "right" }}
        slotProps={{ paper: { sx: { minWidth: 240, mt: 0.5 } } }}
      >
        <Box
          component="li"
          role="presentation"
          sx={{ px: 2.5, pt: 1, pb: 1.5 }}
        >
          <Typography variant="subtitle2">{name}</Typography>
          <Typography variant="caption" color="textSecondary">
            {session.user.email}
          </Typography>
        </Box>
        <Divider sx={{ mb: 0.75 }} />
        <MenuItem component={LinkBase} to="/profile" onClick={close}>
          <ListItemIcon>
            <PersonIcon fontSize="small" />
          </ListItemIcon>
          {translate("menu.profile")}
        </MenuItem>
        <MenuItem
          onClick={() => {
            close();
            void logout();
          }}
        >
          <ListItemIcon>
            <LogoutIcon fontSize="small" />
          </ListItemIcon>
          {translate("menu.sign_out")}
        </MenuItem>
      </Menu>
    </>
  );
};

export const AppBar = () => {
  const translate = useTranslate();
  const c = useTokens();
  const [open, setOpen] = useSidebarState();
  return (
    <Box
      component="header"
      sx={{
        position: "sticky",
        top: 0,
        zIndex: "appBar",
        display: "flex",
        alignItems: "center",
        gap: { xs: 0.5, sm: 1 },
        minHeight: { xs: 60, md: 76 },
        px: { xs: 1.5, sm: 3, md: 5 },
        bgcolor: `color-mix(in srgb, ${c.canvas} 90%, transparent)`,
        backdropFilter: "blur(10px)",
      }}
    >
      <IconButton
        onClick={() => setOpen(!open)}
        aria-label={translate("app.open_menu")}
        aria-expanded={open}
        sx={{ display: { md: "none" }, mr: 0.5 }}
      >
        <MenuIcon />
      </IconButton>
      <TitlePortal
        component="h1"
        variant="h3"
        sx={{
          fontSize: { xs: "1.12rem", sm: "1.6rem", md: "1.85rem" },
          py: 0.5,
          minWidth: 0,
          // Two lines where one has no room; what is longer still says so.
          whiteSpace: "normal",
          display: "-webkit-box",
          WebkitBoxOrient: "vertical",
          WebkitLineClamp: { xs: 2, md: 1 },
          overflowWrap: "anywhere",
        }}
      />
      <SearchButton />
      <ThemeButton />
      <AccountMenu />
    </Box>
  );
};
