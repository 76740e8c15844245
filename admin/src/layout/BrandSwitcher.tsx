import CheckIcon from "@mui/icons-material/Check";
import UnfoldMoreIcon from "@mui/icons-material/UnfoldMore";
import Avatar from "@mui/material/Avatar";
import Box from "@mui/material/Box";
import ButtonBase from "@mui/material/ButtonBase";
import ListItemText from "@mui/material/ListItemText";
import Menu from "@mui/material/Menu";
import MenuItem from "@mui/material/MenuItem";
import Typography from "@mui/material/Typography";
import { useId, useState } from "react";
import { useNotify, useTranslate } from "react-admin";

import { openForBrand } from "../auth/openForBrand.ts";
import type { Session } from "../session.ts";
import { displayFont } from "../theme/theme.ts";
import { useTokens } from "../theme/useTokens.ts";
import { useSession } from "../useSession.ts";

type Workplace = { id: string | null; name: string; hint: string };

const useWorkplaces = (session: Session): Workplace[] => {
  const translate = useTranslate();
  return [
    ...session.brands.map((brand) => ({
      id: brand.id,
      name: brand.name,
      hint: translate(`roles.${brand.role}`),
    })),
    session.staffRole === null
      ? {
          id: null,
          name: translate("brand_switch.personal"),
          hint: translate("brand_switch.personal_hint"),
        }
      : {
          id: null,
          name: translate("brand_switch.staff"),
          hint: translate(`roles.${session.staffRole}`),
        },
  ];
};

const Monogram = ({ name }: { name: string }) => (
  <Avatar
    variant="rounded"
    aria-hidden="true"
    sx={{
      width: 36,
      height: 36,
      borderRadius: "9px",
      fontFamily: displayFont,
      fontSize: "1.15rem",
    }}
  >
    {name.slice(0, 1).toUpperCase()}
  </Avatar>
);

const Place = ({ place }: { place: Workplace }) => (
  <>
    <Monogram name={place.name} />
    <Box component="span" sx={{ minWidth: 0, flex: 1, textAlign: "left" }}>
      <Typography
        component="span"
        variant="subtitle2"
        noWrap
        sx={{ display: "block" }}
      >
        {place.name}
      </Typography>
      <Typography
        component="span"
        variant="caption"
        color="textSecondary"
        sx={{ display: "block", lineHeight: 1.2 }}
      >
        {place.hint}
      </Typography>
    </Box>
  </>
);

export const BrandSwitcher = () => {
  const translate = useTranslate();
  const notify = useNotify();
  const c = useTokens();
  const { session } = useSession();
  const places = useWorkplaces(session);
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const [busy, setBusy] = useState(false);
  const menuId = useId();
  const active = places.find(
    (place) => place.id === (session.brand?.id ?? null),
  );
  if (active === undefined) {
    return null;
  }

  const frame = {
    width: "100%",
    display: "flex",
    alignItems: "center",
    gap: 1.25,
    p: 1,
    borderRadius: "11px",
    border: `1px solid ${c.line}`,
    bgcolor: c.paper,
    minHeight: 54,
  };

  const choose = (place: Workplace) => {
    setAnchor(null);
    if (place.id === active.id) return;
    setBusy(true);
    openForBrand(place.id).catch((error: unknown) => {
      setBusy(false);
      notify("brand_switch.failed", {
        type: "error",
        messageArgs: { message: error instanceof Error ? error.message : "" },
      });
    });
  };

  if (places.length === 1) {
    return (
      <Box sx={frame}>
        <Place place={active} />
      </Box>
    );
  }
  return (
    <>
      <ButtonBase
        onClick={(event) => setAnchor(event.currentTarget)}
        disabled={busy}
        aria-haspopup="menu"
        aria-expanded={anchor !== null}
        aria-controls={anchor === null ? undefined : menuId}
        aria-label={`${translate("brand_switch.label")} ${active.name}, ${active.hint}`}
        sx={{ ...frame, "&:hover": { borderColor: c.control } }}
      >
        <Place place={active} />
        <UnfoldMoreIcon sx={{ fontSize: 20, color: "text.secondary" }} />
      </ButtonBase>
      <Menu
        id={menuId}
        anchorEl={anchor}
        open={anchor !== null}
        onClose={() => setAnchor(null)}
        slotProps={{ paper: { sx: { minWidth: 236, mt: 0.5 } } }}
      >
        {places.map((place) => (
          <MenuItem
            key={place.id ?? "none"}
            selected={place.id === active.id}
            onClick={() => choose(place)}
            sx={{ gap: 1.25 }}
          >
            <Monogram name={place.name} />
            <ListItemText
              primary={place.name}
              secondary={place.hint}
              slotProps={{
                primary: { variant: "subtitle2" },
                secondary: { variant: "caption" },
              }}
            />
            {place.id === active.id && <CheckIcon fontSize="small" />}
          </MenuItem>
        ))}
      </Menu>
    </>
  );
};
