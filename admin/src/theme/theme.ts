import type { RaThemeOptions } from "react-admin";

import { TableRow } from "../components/TableRow.tsx";

type Mode = "light" | "dark";

export const displayFont =
  '"Bodoni Moda", "Bodoni 72", Didot, "Times New Roman", serif';
const bodyFont =
  '"Instrument Sans", ui-sans-serif, system-ui, -apple-system, "Segoe UI", sans-serif';

/** Every colour of the product, once. Text pairs keep a contrast of 4.5 : 1. */
const palettes = {
  light: {
    ink: "#1c1719",
    onInk: "#fbf8f4",
    inkHover: "#39302f",
    accent: "#7b1e3a",
    onAccent: "#ffffff",
    accentSoft: "#f6e6e9",
    canvas: "#f6f2ec",
    rail: "#efe9e1",
    paper: "#ffffff",
    raised: "#fbf8f4",
    text: "#1c1719",
    quiet: "#665b58",
    line: "#e5ddd3",
    control: "#94877f",
    success: "#2c6748",
    successSoft: "#e3efe7",
    warning: "#855200",
    warningSoft: "#f8ecd3",
    error: "#a8211f",
    errorSoft: "#fae4e1",
    info: "#2b577f",
    infoSoft: "#e2ecf5",
    shadow: "28, 23, 25",
  },
  dark: {
    ink: "#f3ede6",
    onInk: "#1c1719",
    inkHover: "#ffffff",
    accent: "#f0a9bc",
    onAccent: "#35101d",
    accentSoft: "#3a1f29",
    canvas: "#141113",
    rail: "#0f0d0e",
    paper: "#1d191b",
    raised: "#252022",
    text: "#f3ede6",
    quiet: "#b7aca6",
    line: "#373033",
    control: "#857a76",
    success: "#8fcfa8",
    successSoft: "#1c3326",
    warning: "#ecc06a",
    warningSoft: "#3a2c10",
    error: "#ff9d92",
    errorSoft: "#43201d",
    info: "#97c1e8",
    infoSoft: "#1b2d3e",
    shadow: "0, 0, 0",
  },
} as const;

export const tokens = (mode: Mode) => palettes[mode];

const makeTheme = (mode: Mode): RaThemeOptions => {
  const c = palettes[mode];
  const focusRing = {
    outline: `2px solid ${c.accent}`,
    outlineOffset: 2,
  };
  return {
    palette: {
      mode,
      primary: { main: c.ink, contrastText: c.onInk, dark: c.inkHover },
      secondary: { main: c.accent, contrastText: c.onAccent },
      success: { main: c.success },
      warning: { main: c.warning },
      error: { main: c.error },
      info: { main: c.info },
      background: { default: c.canvas, paper: c.paper },
      text: { primary: c.text, secondary: c.quiet },
      divider: c.line,
    },
    shape: { borderRadius: 10 },
    sidebar: { width: 264, closedWidth: 72 },
    typography: {
      fontFamily: bodyFont,
      fontSize: 14,
      h1: {
        fontFamily: displayFont,
        fontWeight: 500,
        fontSize: "2.75rem",
        lineHeight: 1.1,
        letterSpacing: "-0.01em",
      },
      h2: {
        fontFamily: displayFont,
        fontWeight: 500,
        fontSize: "2.1rem",
        lineHeight: 1.15,
        letterSpacing: "-0.01em",
      },
      h3: {
        fontFamily: displayFont,
        fontWeight: 500,
        fontSize: "1.75rem",
        lineHeight: 1.2,
      },
      h4: {
        fontFamily: displayFont,
        fontWeight: 500,
        fontSize: "1.5rem",
        lineHeight: 1.25,
      },
      h5: {
        fontFamily: displayFont,
        fontWeight: 560,
        fontSize: "1.25rem",
        lineHeight: 1.3,
      },
      h6: {
        fontFamily: bodyFont,
        fontWeight: 600,
        fontSize: "1rem",
        lineHeight: 1.4,
      },
      subtitle1: { fontWeight: 600, fontSize: "0.95rem" },
      subtitle2: { fontWeight: 600, fontSize: "0.875rem" },
      body1: { fontSize: "0.95rem", lineHeight: 1.55 },
      body2: { fontSize: "0.875rem", lineHeight: 1.5 },
      caption: { fontSize: "0.78rem", lineHeight: 1.45 },
      overline: {
        fontSize: "0.7rem",
        fontWeight: 600,
        letterSpacing: "0.09em",
        lineHeight: 1.6,
      },
      button: { textTransform: "none", fontWeight: 600, letterSpacing: 0 },
    },
    components: {
      MuiCssBaseline: {
        styleOverrides: {
          body: {
            backgroundColor: c.canvas,
            fontFeatureSettings: '"kern", "liga"',
            WebkitFontSmoothing: "antialiased",
          },
          "a:focus-visible, button:focus-visible, [tabindex]:focus-visible":
            focusRing,
          "::selection": { backgroundColor: c.accentSoft, color: c.text },
        },
      },
      MuiButtonBase: {
        defaultProps: { disableRipple: true },
        styleOverrides: {
          root: { "&.Mui-focusVisible": focusRing },
        },
      },
      MuiButton: {
        defaultProps: { disableElevation: true },
        styleOverrides: {
          root: { borderRadius: 8, paddingInline: 16, minHeight: 36 },
          sizeSmall: { paddingInline: 12, fontSize: "0.84rem" },
          text: { paddingInline: 10 },
          outlined: { borderColor: c.control },
        },
      },
      MuiIconButton: { styleOverrides: { root: { borderRadius: 8 } } },
      MuiPaper: {
        defaultProps: { elevation: 0 },
        styleOverrides: {
          root: { backgroundImage: "none" },
          outlined: { borderColor: c.line },
        },
      },
      MuiCard: {
        styleOverrides: {
          root: {
            border: `1px solid ${c.line}`,
            borderRadius: 14,
            boxShadow: "none",
          },
        },
      },
      MuiMenu: {
        styleOverrides: {
          paper: {
            border: `1px solid ${c.line}`,
            boxShadow: `0 16px 40px -12px rgba(${c.shadow}, .32)`,
            borderRadius: 12,
          },
        },
      },
      MuiAutocomplete: {
        defaultProps: { fullWidth: true },
        styleOverrides: {
          paper: {
            border: `1px solid ${c.line}`,
            boxShadow: `0 16px 40px -12px rgba(${c.shadow}, .32)`,
          },
        },
      },
      MuiMenuItem: {
        styleOverrides: {
          root: {
            minHeight: 40,
            borderRadius: 8,
            marginInline: 6,
            "&.Mui-focusVisible": { ...focusRing, outlineOffset: -2 },
          },
        },
      },
      MuiDialog: {
        styleOverrides: {
          paper: {
            borderRadius: 18,
            border: `1px solid ${c.line}`,
            boxShadow: `0 32px 80px -20px rgba(${c.shadow}, .5)`,
          },
        },
      },
      MuiDialogTitle: {
        styleOverrides: {
          root: {
            fontFamily: displayFont,
            fontWeight: 560,
            fontSize: "1.4rem",
            paddingTop: 24,
          },
        },
      },
      MuiDialogActions: {
        styleOverrides: { root: { padding: "12px 24px 20px" } },
      },
      MuiTextField: {
        defaultProps: {
          variant: "outlined",
          margin: "dense",
          size: "small",
          fullWidth: true,
        },
      },
      MuiFormControl: {
        defaultProps: {
          variant: "outlined",
          margin: "dense",
          size: "small",
          fullWidth: true,
        },
      },
      MuiOutlinedInput: {
        styleOverrides: {
          root: {
            backgroundColor: mode === "light" ? c.paper : c.raised,
            borderRadius: 9,
            "&.Mui-focused .MuiOutlinedInput-notchedOutline": {
              borderColor: c.accent,
            },
          },
          notchedOutline: { borderColor: c.control },
        },
      },
      MuiInputLabel: {
        styleOverrides: {
          root: { color: c.quiet, "&.Mui-focused": { color: c.accent } },
        },
      },
      MuiFormHelperText: {
        styleOverrides: {
          // The hint says why a field is closed, so it stays readable.
          root: { color: c.quiet, "&.Mui-disabled": { color: c.quiet } },
        },
      },
      MuiChip: {
        styleOverrides: {
          root: { borderRadius: 7, fontWeight: 500 },
          sizeSmall: { height: 24, fontSize: "0.78rem" },
          outlined: { borderColor: c.line },
        },
      },
      MuiTableCell: {
        styleOverrides: {
          root: {
            borderColor: c.line,
            fontVariantNumeric: "tabular-nums",
            "&.MuiTableCell-paddingCheckbox": { padding: "0 8px" },
          },
          head: {
            fontSize: "0.72rem",
            fontWeight: 600,
            letterSpacing: "0.06em",
            textTransform: "uppercase",
            color: c.quiet,
            backgroundColor: c.paper,
          },
          sizeSmall: { padding: "10px 14px" },
        },
      },
      MuiTableRow: {
        styleOverrides: {
          root: {
            "&.MuiTableRow-hover:hover": { backgroundColor: c.raised },
            "&:last-of-type > .MuiTableCell-body": { borderBottom: 0 },
          },
        },
      },
      MuiTooltip: {
        styleOverrides: {
          tooltip: {
            backgroundColor: c.ink,
            color: c.onInk,
            fontSize: "0.78rem",
            fontWeight: 500,
            borderRadius: 7,
            padding: "6px 10px",
          },
        },
      },
      MuiAlert: {
        styleOverrides: {
          root: { borderRadius: 10, alignItems: "center", color: c.text },
          icon: { opacity: 1 },
        },
        variants: (
          [
            ["error", c.error, c.errorSoft],
            ["warning", c.warning, c.warningSoft],
            ["success", c.success, c.successSoft],
            ["info", c.info, c.infoSoft],
          ] as const
        ).map(([severity, ink, soft]) => ({
          props: { severity },
          style: {
            backgroundColor: soft,
            color: c.text,
            "& .MuiAlert-icon": { color: ink },
          },
        })),
      },
      MuiSnackbarContent: {
        styleOverrides: {
          root: {
            backgroundColor: c.ink,
            color: c.onInk,
            borderRadius: 10,
            "& .MuiButton-root": { color: "inherit" },
          },
        },
      },
      MuiLink: {
        styleOverrides: {
          root: {
            color: c.accent,
            fontWeight: 500,
            textDecorationColor: "transparent",
            "&:hover": { textDecorationColor: "currentcolor" },
          },
        },
      },
      MuiSwitch: {
        styleOverrides: {
          switchBase: {
            "&.Mui-checked": {
              color: c.accent,
              "+ .MuiSwitch-track": { backgroundColor: c.accent, opacity: 0.5 },
            },
          },
        },
      },
      MuiLinearProgress: {
        styleOverrides: {
          root: { borderRadius: 6, height: 8, backgroundColor: c.line },
          bar: { borderRadius: 6, backgroundColor: c.accent },
        },
      },
      MuiSkeleton: {
        defaultProps: { animation: "wave" },
        styleOverrides: { root: { backgroundColor: c.line } },
      },
      MuiTab: {
        styleOverrides: { root: { minHeight: 44, paddingInline: 14 } },
      },
      MuiTabs: {
        styleOverrides: { indicator: { backgroundColor: c.accent, height: 2 } },
      },
      MuiToggleButton: {
        styleOverrides: {
          root: { borderColor: c.line, color: c.quiet, fontWeight: 600 },
        },
      },
      MuiAvatar: {
        styleOverrides: {
          root: {
            backgroundColor: c.accentSoft,
            color: c.accent,
            fontWeight: 600,
          },
        },
      },
      MuiPaginationItem: { styleOverrides: { root: { borderRadius: 8 } } },
      MuiTablePagination: {
        styleOverrides: {
          root: { borderBottom: 0 },
          displayedRows: { fontVariantNumeric: "tabular-nums" },
        },
      },
      RaToolbar: {
        styleOverrides: {
          root: {
            backgroundColor: "transparent",
            borderTop: `1px solid ${c.line}`,
            paddingBlock: 14,
            "&&.RaToolbar-mobileToolbar": {
              backgroundColor: c.paper,
              padding: "10px 16px",
              zIndex: 2,
            },
          },
        },
      },
      RaBulkActionsToolbar: {
        styleOverrides: {
          root: {
            "& .RaBulkActionsToolbar-toolbar": {
              backgroundColor: c.accentSoft,
              color: c.text,
              borderRadius: "14px 14px 0 0",
              // In place of the column heads: above the table it would lie
              // over the filters, and the card would cut it off.
              transform: "none",
            },
          },
        },
      },
      RaDataTableBody: { defaultProps: { row: TableRow } },
      RaTopToolbar: {
        styleOverrides: {
          root: {
            "&&": {
              backgroundColor: "transparent",
              // Where it stands at the end on a desk, it does on a phone, too.
              "@media (max-width: 599.95px)": { justifyContent: "flex-end" },
            },
          },
        },
      },
      RaListToolbar: {
        styleOverrides: { root: { "&&": { backgroundColor: "transparent" } } },
      },
      RaList: {
        styleOverrides: {
          root: {
            "& .RaList-main": { minWidth: 0 },
            "& .RaList-content": { overflow: "hidden" },
            "& .RaList-actions": {
              alignItems: "center",
              "@media (max-width: 599.95px)": { alignItems: "stretch" },
            },
          },
        },
      },
    },
  };
};

export const lightTheme = makeTheme("light");
export const darkTheme = makeTheme("dark");
