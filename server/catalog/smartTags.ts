import "postgraphile";

import { ICONS, type ScalarKind, type WidgetName, WIDGETS } from "./types.ts";

/** On what a tag may stand. */
type Target = "table" | "column" | "function";

type TagRule = {
  on: readonly Target[];
  /** What the value must look like; true for a tag without a value. */
  value: RegExp | true;
  form: string;
};

const TEXT = /^\S[\s\S]{0,199}$/;
const NAMES = /^[a-z_][a-z0-9_]*(?:\s*,\s*[a-z_][a-z0-9_]*)*$/;

/** Every `@admin.*` tag there is. Anything else that begins so is a mistake. */
export const ADMIN_TAGS: Readonly<Record<string, TagRule>> = {
  label: { on: ["table", "column", "function"], value: TEXT, form: "a text" },
  singular: { on: ["table"], value: TEXT, form: "a text" },
  group: { on: ["table"], value: TEXT, form: "a text" },
  icon: {
    on: ["table", "function"],
    value: new RegExp(`^(?:${ICONS.join("|")})$`),
    form: `one of ${ICONS.join(", ")}`,
  },
  order: {
    on: ["table", "column"],
    value: /^-?\d{1,6}$/,
    form: "a whole number",
  },
  hidden: { on: ["table", "column"], value: true, form: "no value" },
  list: { on: ["table"], value: NAMES, form: "column names with commas" },
  represent: {
    on: ["table"],
    value: /^[a-z_][a-z0-9_]*$/,
    form: "a column name",
  },
  widget: {
    on: ["column"],
    value: new RegExp(
      `^(?:${WIDGETS.join("|")})(?:\\s+[a-z]+=(?:[a-z_][a-z0-9_]*|'[a-z]{3}'))*$`,
    ),
    form: `one of ${WIDGETS.join(", ")}, then options such as currency=currency or currency='usd'`,
  },
  search: {
    on: ["table"],
    value: /^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$/,
    form: "a function with its schema, from a text to keys",
  },
  live: {
    on: ["table"],
    value: /^[a-z_][a-z0-9_]*$/,
    form: "the live table whose changes a view shows",
  },
  help: { on: ["table", "column", "function"], value: TEXT, form: "a text" },
  action: {
    on: ["function"],
    value: /^(?:row|selection)\s+of\s+[a-z_][a-z0-9_]*$/,
    form: "`row of <table>` or `selection of <table>`",
  },
  confirm: { on: ["function"], value: TEXT, form: "a question" },
};

export type AdminTags = Readonly<Partial<Record<string, string>>>;

/** The tags of one object as strings; a tag without a value is "". */
export function adminTags(tags: object | undefined): AdminTags {
  const found: Record<string, string> = {};
  for (const [key, value] of Object.entries(tags ?? {})) {
    if (!key.startsWith("admin_")) continue;
    const single: unknown = Array.isArray(value) ? value.at(-1) : value;
    found[key.slice("admin_".length)] =
      typeof single === "string" ? single.trim() : "";
  }
  return found;
}

/** What is wrong with the tags of one object, one sentence each. */
export function tagFaults(
  object: string,
  target: Target,
  tags: AdminTags,
): string[] {
  return Object.entries(tags).flatMap(([name, value = ""]) => {
    const rule = Object.hasOwn(ADMIN_TAGS, name) ? ADMIN_TAGS[name] : undefined;
    if (rule === undefined) {
      return [
        `${object}: there is no tag @admin.${name}. Known are ${Object.keys(
          ADMIN_TAGS,
        )
          .map((known) => `@admin.${known}`)
          .join(", ")}.`,
      ];
    }
    if (!rule.on.includes(target)) {
      return [
        `${object}: @admin.${name} stands on a ${rule.on.join(" or ")}, not on a ${target}.`,
      ];
    }
    const fits = rule.value === true ? value === "" : rule.value.test(value);
    return fits
      ? []
      : [`${object}: @admin.${name} takes ${rule.form}, not "${value}".`];
  });
}

/** Tags after the prose are prose: nobody reads them. */
export function lateTagFaults(
  object: string,
  prose: string | null | undefined,
): string[] {
  return [...(prose ?? "").matchAll(/^[ \t]*@admin_(\w+)/gm)].map(
    ([, name]) =>
      `${object}: @admin.${name} stands behind the prose and is read as prose. Tags come first, each on a line of its own.`,
  );
}

/** What a widget can show; anything else would be shown as it is, or not at all. */
const WIDGET_KINDS: Readonly<
  Record<WidgetName, { kinds: readonly ScalarKind[]; form: string }>
> = {
  color: { kinds: ["string", "enum"], form: "a text" },
  duration: {
    kinds: ["int", "bigint", "float", "numeric"],
    form: "a number of milliseconds",
  },
  // The rest of its condition is a link to show: see readRegistry.
  image: { kinds: ["string", "uuid"], form: "the key of a file" },
  json: { kinds: ["json"], form: "a jsonb" },
  markdown: { kinds: ["string"], form: "a text" },
  money: {
    kinds: ["int", "bigint", "numeric"],
    form: "a number of a currency's smallest units",
  },
  percent: {
    kinds: ["int", "bigint", "float", "numeric"],
    form: "a number, where 0.25 is 25 %",
  },
  status: { kinds: ["string", "enum", "boolean"], form: "a text or an enum" },
  tags: { kinds: ["string", "enum"], form: "an array of texts" },
};

export function widgetFaults(
  object: string,
  widget: WidgetName,
  { kind, array }: { kind: ScalarKind; array: boolean },
): string[] {
  const { kinds, form } = WIDGET_KINDS[widget];
  return kinds.includes(kind) && array === (widget === "tags")
    ? []
    : [`${object}: @admin.widget ${widget} stands on ${form}.`];
}

export function widgetOf(
  tags: AdminTags,
): { name: WidgetName; options: Record<string, string> } | null {
  const [name, ...options] = (tags["widget"] ?? "").split(/\s+/);
  const known = WIDGETS.find((widget) => widget === name);
  if (known === undefined) return null;
  return {
    name: known,
    options: Object.fromEntries(
      options.flatMap((option) => {
        const [key, value] = option.split("=");
        return key && value ? [[key, value] as const] : [];
      }),
    ),
  };
}

/** Schema and name of the function that searches a table. */
export function searchFunctionOf(tags: AdminTags): [string, string] | null {
  const [schema, name] = (tags["search"] ?? "").split(".");
  return schema && name ? [schema, name] : null;
}
