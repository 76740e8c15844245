/**
 * The garment illustrations carry three tokens, `{{tint}}`, `{{shade}}` and
 * `{{light}}`. This module turns a colour name, as catalogues write it, into
 * the three colours and fills them in. It never puts the name itself into the
 * picture, so a caller may pass anything a person typed.
 */

export type IllustrationColours = {
  tint: string;
  shade: string;
  light: string;
};

const NAMED: Record<string, string> = {
  beige: "#d8c3a5",
  black: "#2b2a2d",
  blue: "#3f6fb0",
  bronze: "#8f6a3f",
  brown: "#7a5238",
  burgundy: "#6d2236",
  camel: "#b98a56",
  charcoal: "#45474c",
  coffee: "#5b4134",
  copper: "#b06a43",
  cream: "#efe4cd",
  fluorescentgreen: "#a6d94a",
  gold: "#c9a352",
  green: "#4d7f5a",
  grey: "#8f9296",
  greymelange: "#a3a5a8",
  ivory: "#f2ebdc",
  khaki: "#a49a6c",
  lavender: "#a99bc9",
  limegreen: "#8fbf45",
  magenta: "#b03a78",
  maroon: "#6f2530",
  mauve: "#a67f97",
  metallic: "#a7a9ad",
  multi: "#b0708f",
  mushroombrown: "#a08873",
  mustard: "#c99a2e",
  navy: "#27375c",
  navyblue: "#27375c",
  nude: "#dcb9a0",
  offwhite: "#f3eee4",
  olive: "#6f7345",
  orange: "#d9793a",
  peach: "#efb293",
  pink: "#d98ba3",
  purple: "#6f5192",
  red: "#b8373d",
  rose: "#c97a86",
  rust: "#a2502f",
  sage: "#9aab8d",
  seagreen: "#3f8f7a",
  silver: "#b9bdc3",
  skin: "#dcb9a0",
  steel: "#8c97a3",
  tan: "#b78f63",
  taupe: "#9a897a",
  teal: "#2f7a7d",
  turquoiseblue: "#3fa3ad",
  white: "#f7f5f1",
  yellow: "#e3c04a",
};

const UNNAMED = "#b3a394";

const mix = (from: string, to: string, amount: number): string => {
  const channel = (hex: string, at: number) =>
    Number.parseInt(hex.slice(at, at + 2), 16);
  return `#${[1, 3, 5]
    .map((at) =>
      Math.round(
        channel(from, at) + (channel(to, at) - channel(from, at)) * amount,
      )
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
};

const lightness = (hex: string): number =>
  (0.299 * Number.parseInt(hex.slice(1, 3), 16) +
    0.587 * Number.parseInt(hex.slice(3, 5), 16) +
    0.114 * Number.parseInt(hex.slice(5, 7), 16)) /
  255;

/** An unknown or empty name gets a neutral taupe, never an error. */
export function illustrationColours(
  name: string | null | undefined,
): IllustrationColours {
  const key = (name ?? "").toLowerCase().replaceAll(/[^a-z]/g, "");
  const tint = Object.hasOwn(NAMED, key) ? (NAMED[key] ?? UNNAMED) : UNNAMED;
  const tone = lightness(tint);
  // Very dark cloth shows its folds by highlights, very pale cloth by shadow:
  // the same fixed mix would make the drawing of either disappear.
  return {
    tint,
    shade: mix(tint, "#1d1620", tone > 0.8 ? 0.34 : tone < 0.25 ? 0.5 : 0.32),
    light: mix(tint, "#ffffff", tone > 0.8 ? 0.75 : tone < 0.25 ? 0.24 : 0.34),
  };
}

export function tintIllustration(
  svg: string,
  name: string | null | undefined,
): string {
  const { tint, shade, light } = illustrationColours(name);
  return svg
    .replaceAll("{{tint}}", tint)
    .replaceAll("{{shade}}", shade)
    .replaceAll("{{light}}", light);
}
