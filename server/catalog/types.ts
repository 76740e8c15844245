/**
 * What the database says about itself, as the admin needs it: one document per
 * role, plain JSON. `CatalogResource.schema` has the shape ra-data-postgraphile
 * takes as a resource; the rest is for people: labels, widgets, order, help.
 */
export type ScalarKind =
  | "string"
  | "int"
  | "float"
  | "bigint"
  | "numeric"
  | "boolean"
  | "datetime"
  | "date"
  | "time"
  | "uuid"
  | "json"
  | "enum";

export const WIDGETS = [
  "color",
  "duration",
  "image",
  "json",
  "markdown",
  "money",
  "percent",
  "status",
  "tags",
] as const;

export type WidgetName = (typeof WIDGETS)[number];

/** What `@admin.icon` may name. */
export const ICONS = [
  "accessibility",
  "account_balance",
  "analytics",
  "archive",
  "autorenew",
  "block",
  "bolt",
  "calendar",
  "camera",
  "campaign",
  "cancel",
  "card_giftcard",
  "category",
  "check",
  "checkroom",
  "collections",
  "contact_page",
  "credit_card",
  "currency",
  "currency_exchange",
  "dataset",
  "description",
  "diamond",
  "favorite",
  "flag",
  "folder",
  "globe",
  "group",
  "history",
  "image",
  "inbox",
  "insights",
  "inventory",
  "key",
  "label",
  "leaderboard",
  "link",
  "lock_clock",
  "mail",
  "manage_history",
  "model",
  "payments",
  "person",
  "price_change",
  "rate_review",
  "receipt",
  "receipt_long",
  "replay",
  "schedule",
  "sell",
  "settings",
  "shield",
  "star",
  "storefront",
  "style",
  "table",
  "trending_up",
  "undo",
  "upload",
  "verified",
  "vpn_key",
  "wallet",
  "work",
  "workspace_premium",
] as const;

export type IconName = (typeof ICONS)[number];

export type CatalogWidget = {
  name: WidgetName;
  /**
   * Of money: `currency`, the GraphQL field that holds the currency, or
   * `currencyCode`, where it is always the same.
   */
  options: Readonly<Record<string, string>>;
};

export type CatalogField = {
  /** GraphQL name. */
  name: string;
  /** SQL name. */
  column: string;
  label: string;
  help: string | null;
  /** As PostgreSQL prints it: `text`, `timestamp with time zone`, `text[]`. */
  pgType: string;
  kind: ScalarKind;
  array: boolean;
  nullable: boolean;
  hasDefault: boolean;
  /** The database makes the value: generated or identity columns. */
  generated: boolean;
  /** From a check such as `length(name) <= 200`, where it can be read. */
  maxLength: number | null;
  values: readonly { value: string; label: string }[] | null;
  reference: {
    resource: string;
    /** The GraphQL field that leads to the record; null where it is not exposed. */
    relation: string | null;
  } | null;
  widget: CatalogWidget | null;
  order: number;
  hidden: boolean;
  read: boolean;
  create: boolean;
  update: boolean;
  filter: boolean;
  sort: boolean;
  group: boolean;
  /** A create without it is refused. */
  required: boolean;
};

export type CatalogMutation = {
  field: string;
  inputType: string;
  key: string | null;
  values: string | null;
  result: string;
};

export type CatalogSchema = {
  name: string;
  type: string;
  id: { field: string; type: string; kind: ScalarKind; node: boolean };
  primaryKey: string[];
  list: {
    field: string;
    filterType: string;
    orderByType: string;
    groupByType: string;
    havingType: string;
  } | null;
  one: { field: string; argument: string } | null;
  unique: { field: string; arguments: Record<string, string> }[];
  create: CatalogMutation | null;
  update: CatalogMutation | null;
  delete: CatalogMutation | null;
  fields: Record<
    string,
    {
      kind: ScalarKind;
      array: boolean;
      read: boolean;
      create: boolean;
      update: boolean;
      filter: boolean;
      sort: boolean;
      reference: string | null;
    }
  >;
  /** `exists`: the filter that asks whether there is one; null where there always is. */
  relations: Record<string, { resource: string; exists: string | null }>;
  /** Records that point here: filtered by `some`, `none` and `every`. */
  collections: Record<string, { resource: string; exists: string | null }>;
  columns: string[];
  search:
    | { by: "fields"; fields: string[] }
    | { by: "filter"; field: string; operator: string }
    | { by: "argument"; argument: string; type: string }
    | null;
  version: string | null;
};

export type CatalogRelated = {
  /** The resource that points here. */
  resource: string;
  /** Its GraphQL field that holds this record's key. */
  field: string;
  label: string;
};

export type CatalogAction = {
  /** GraphQL mutation. */
  mutation: string;
  inputType: string;
  label: string;
  help: string | null;
  icon: string | null;
  confirm: string | null;
  on: "row" | "selection";
  /** Input field that takes the record's id (or ids). */
  key: string;
  arguments: {
    name: string;
    label: string;
    kind: ScalarKind;
    array: boolean;
    required: boolean;
    /** The GraphQL type, with its exclamation mark where it has one. */
    type: string;
    values: readonly { value: string; label: string }[] | null;
  }[];
};

export type CatalogResource = {
  name: string;
  kind: "table" | "view";
  label: string;
  singular: string;
  description: string | null;
  help: string | null;
  group: string | null;
  icon: string | null;
  order: number;
  hidden: boolean;
  /** Tells of its changes: `rowsChanged(tables: [name])`. */
  isLive: boolean;
  /** GraphQL field that stands for a record where there is room for one. */
  represent: string;
  verbs: {
    list: boolean;
    show: boolean;
    create: boolean;
    update: boolean;
    delete: boolean;
  };
  schema: CatalogSchema;
  fields: CatalogField[];
  /** GraphQL fields of the list, in order. */
  list: string[];
  related: CatalogRelated[];
  actions: CatalogAction[];
};

export type Catalog = {
  /** Changes when anything in the document does. */
  version: string;
  role: string;
  resources: CatalogResource[];
};
