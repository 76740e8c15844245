import ArrowDownIcon from "@mui/icons-material/ArrowDownward";
import ArrowUpIcon from "@mui/icons-material/ArrowUpward";
import ViewColumnIcon from "@mui/icons-material/ViewColumnOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Checkbox from "@mui/material/Checkbox";
import Divider from "@mui/material/Divider";
import FormControlLabel from "@mui/material/FormControlLabel";
import IconButton from "@mui/material/IconButton";
import Popover from "@mui/material/Popover";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Tooltip from "@mui/material/Tooltip";
import Typography from "@mui/material/Typography";
import { useId, useState } from "react";
import { useTranslate } from "react-admin";

import type { AdminResource } from "../adopt.ts";
import { listable } from "../columns.ts";
import type { Density } from "./useListLayout.ts";
import { useListLayout } from "./useListLayout.ts";

const moved = (names: readonly string[], name: string, by: -1 | 1) => {
  const from = names.indexOf(name);
  const next = names.filter((one) => one !== name);
  next.splice(from + by, 0, name);
  return next;
};

/** Which columns the table has, in which order, and how tall its rows are. */
export const ColumnsMenu = ({
  resource,
  columns: described = null,
}: {
  resource: AdminResource;
  /** Those of a page that says itself what it shows. */
  columns?: readonly string[] | null;
}) => {
  const translate = useTranslate();
  const title = useId();
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const { columns, setColumns, density, setDensity } = useListLayout(
    resource,
    described,
  );
  const shown = columns.map(({ name }) => name);
  const hidden = listable(resource).filter(({ name }) => !shown.includes(name));
  const toggle = (name: string) => {
    setColumns(
      shown.includes(name)
        ? shown.filter((one) => one !== name)
        : [...shown, name],
    );
  };
  return (
    <>
      <Tooltip title={translate("catalog.columns")}>
        <IconButton
          aria-label={translate("catalog.columns")}
          aria-haspopup="dialog"
          aria-expanded={anchor !== null}
          onClick={(event) => setAnchor(event.currentTarget)}
        >
          <ViewColumnIcon />
        </IconButton>
      </Tooltip>
      <Popover
        open={anchor !== null}
        anchorEl={anchor}
        onClose={() => setAnchor(null)}
        anchorOrigin={{ vertical: "bottom", horizontal: "right" }}
        transformOrigin={{ vertical: "top", horizontal: "right" }}
        slotProps={{
          paper: {
            role: "dialog",
            "aria-labelledby": title,
            sx: {
              width: 320,
              maxWidth: "92vw",
              borderRadius: "14px",
              border: 1,
              borderColor: "divider",
              p: 2,
            },
          },
        }}
      >
        <Typography id={title} component="h2" variant="subtitle1">
          {translate("catalog.columns")}
        </Typography>
        <Box
          component="ul"
          sx={{
            listStyle: "none",
            p: 0,
            m: 0,
            mt: 1,
            maxHeight: "44vh",
            overflowY: "auto",
          }}
        >
          {[...columns, ...hidden].map((field) => {
            const position = shown.indexOf(field.name);
            return (
              <Box
                component="li"
                key={field.name}
                sx={{ display: "flex", alignItems: "center" }}
              >
                <FormControlLabel
                  sx={{ flex: 1, minWidth: 0, mr: 0 }}
                  control={
                    <Checkbox
                      size="small"
                      checked={position !== -1}
                      // A table without columns shows nothing at all.
                      disabled={position !== -1 && shown.length === 1}
                      onChange={() => toggle(field.name)}
                    />
                  }
                  label={<Typography variant="body2">{field.label}</Typography>}
                />
                {position !== -1 && (
                  <>
                    <IconButton
                      size="small"
                      disabled={position === 0}
                      aria-label={translate("catalog.column_up", {
                        label: field.label,
                      })}
                      onClick={() => setColumns(moved(shown, field.name, -1))}
                    >
                      <ArrowUpIcon fontSize="small" />
                    </IconButton>
                    <IconButton
                      size="small"
                      disabled={position === shown.length - 1}
                      aria-label={translate("catalog.column_down", {
                        label: field.label,
                      })}
                      onClick={() => setColumns(moved(shown, field.name, 1))}
                    >
                      <ArrowDownIcon fontSize="small" />
                    </IconButton>
                  </>
                )}
              </Box>
            );
          })}
        </Box>
        <Button size="small" onClick={() => setColumns(null)} sx={{ mt: 0.5 }}>
          {translate("catalog.columns_reset")}
        </Button>
        <Divider sx={{ my: 1.5 }} />
        <Typography variant="caption" color="textSecondary" component="p">
          {translate("catalog.density")}
        </Typography>
        <ToggleButtonGroup
          exclusive
          fullWidth
          size="small"
          value={density}
          onChange={(_event, next: Density | null) => {
            if (next !== null) setDensity(next);
          }}
          aria-label={translate("catalog.density")}
          sx={{ mt: 0.5 }}
        >
          <ToggleButton value="comfortable">
            {translate("catalog.density_comfortable")}
          </ToggleButton>
          <ToggleButton value="compact">
            {translate("catalog.density_compact")}
          </ToggleButton>
        </ToggleButtonGroup>
      </Popover>
    </>
  );
};
