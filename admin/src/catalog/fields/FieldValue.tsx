import CheckIcon from "@mui/icons-material/Check";
import CloseIcon from "@mui/icons-material/Close";
import ImageIcon from "@mui/icons-material/ImageOutlined";
import Box from "@mui/material/Box";
import Chip from "@mui/material/Chip";
import Tooltip from "@mui/material/Tooltip";
import Typography from "@mui/material/Typography";
import type { MouseEvent, ReactNode } from "react";
import type { RaRecord } from "react-admin";
import { LinkBase, useLocale, useTranslate } from "react-admin";

import { illustrationColours } from "../../../../illustrations/tint.ts";
import { Money } from "../../components/Money.tsx";
import { RelativeTime } from "../../components/RelativeTime.tsx";
import { StatusChip } from "../../components/StatusChip.tsx";
import { formatMoney } from "../../format.ts";
import { useTokens } from "../../theme/useTokens.ts";
import type { AdminResource } from "../adopt.ts";
import { useCatalog } from "../CatalogContext.tsx";
import {
  exponentPath,
  imagePath,
  representationOf,
  shortId,
  valueAt,
} from "../columns.ts";
import type { CatalogField } from "../types.ts";
import {
  formatDay,
  formatDuration,
  formatNumber,
  formatPercent,
  statusLabel,
  valueLabel,
} from "./text.ts";
import { toneOf } from "./tone.ts";

/** Where a value stands: one line of a table, or a page of its own. */
export type Room = "line" | "page";

type ValueProps = {
  resource: AdminResource;
  field: CatalogField;
  record: RaRecord;
  room?: Room;
};

export const NoValue = () => {
  const translate = useTranslate();
  return (
    <Typography component="span" variant="inherit" color="textSecondary">
      <span aria-hidden="true">–</span>
      <span className="visually-hidden">{translate("app.unknown")}</span>
    </Typography>
  );
};

const numbers = { fontVariantNumeric: "tabular-nums", whiteSpace: "nowrap" };

const Clipped = ({ children, room }: { children: ReactNode; room: Room }) =>
  room === "page" ? (
    <span style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
      {children}
    </span>
  ) : (
    <Box
      component="span"
      sx={{
        display: "-webkit-box",
        WebkitLineClamp: 2,
        WebkitBoxOrient: "vertical",
        overflow: "hidden",
        maxWidth: 340,
        overflowWrap: "anywhere",
      }}
    >
      {children}
    </Box>
  );

const Chips = ({ values, room }: { values: string[]; room: Room }) => {
  const shown = room === "page" ? values : values.slice(0, 2);
  const rest = values.slice(shown.length);
  if (values.length === 0) return <NoValue />;
  return (
    <Box
      sx={{
        display: "flex",
        gap: 0.5,
        alignItems: "center",
        flexWrap: room === "page" ? "wrap" : "nowrap",
      }}
    >
      {shown.map((value, index) => (
        <Chip
          key={`${index}-${value}`}
          label={value}
          size="small"
          variant="outlined"
        />
      ))}
      {rest.length > 0 && (
        <Tooltip title={rest.join(", ")}>
          <Typography variant="caption" color="textSecondary">
            +{rest.length}
          </Typography>
        </Tooltip>
      )}
    </Box>
  );
};

export const Swatch = ({ color }: { color: string }) => {
  const c = useTokens();
  const tint = /^#[0-9a-f]{6}$/i.test(color)
    ? color
    : illustrationColours(color).tint;
  return (
    <Box
      component="span"
      aria-hidden="true"
      sx={{
        width: 14,
        height: 14,
        borderRadius: "4px",
        flexShrink: 0,
        bgcolor: tint,
        border: `1px solid ${c.control}`,
      }}
    />
  );
};

const ColorValue = ({ color }: { color: string }) => (
  <Box
    component="span"
    sx={{ display: "inline-flex", gap: 1, alignItems: "center" }}
  >
    <Swatch color={color} />
    {color}
  </Box>
);

const BooleanValue = ({ value }: { value: boolean }) => {
  const translate = useTranslate();
  const c = useTokens();
  const Icon = value ? CheckIcon : CloseIcon;
  return (
    <Box
      component="span"
      sx={{
        display: "inline-flex",
        gap: 0.5,
        alignItems: "center",
        color: value ? c.success : c.quiet,
      }}
    >
      <Icon sx={{ fontSize: 17 }} aria-hidden="true" />
      {translate(value ? "catalog.yes" : "catalog.no")}
    </Box>
  );
};

const JsonValue = ({ value, room }: { value: unknown; room: Room }) =>
  room === "page" ? (
    <Box
      component="pre"
      tabIndex={0}
      sx={{
        m: 0,
        p: 1.5,
        borderRadius: "9px",
        bgcolor: "background.default",
        fontSize: "0.8rem",
        overflow: "auto",
        maxHeight: 320,
      }}
    >
      {JSON.stringify(value, null, 2)}
    </Box>
  ) : (
    <Box
      component="code"
      sx={{
        display: "block",
        maxWidth: 280,
        overflow: "hidden",
        textOverflow: "ellipsis",
        whiteSpace: "nowrap",
        fontSize: "0.8rem",
      }}
    >
      {JSON.stringify(value)}
    </Box>
  );

const Picture = ({ url, room }: { url: string | null; room: Room }) => {
  const c = useTokens();
  const size = room === "page" ? 220 : 44;
  if (url === null || url === "") {
    return (
      <Box
        component="span"
        aria-hidden="true"
        sx={{
          display: "grid",
          placeItems: "center",
          width: size,
          height: size,
          borderRadius: "8px",
          bgcolor: c.raised,
          color: c.quiet,
        }}
      >
        <ImageIcon fontSize="small" />
      </Box>
    );
  }
  return (
    <Box
      component="img"
      src={url}
      alt=""
      loading="lazy"
      decoding="async"
      width={size}
      height={size}
      sx={{
        display: "block",
        width: size,
        height: size,
        objectFit: "cover",
        borderRadius: room === "page" ? "12px" : "8px",
        bgcolor: "#e9e2da",
      }}
    />
  );
};

const ReferenceValue = ({ field, record }: ValueProps) => {
  const catalog = useCatalog();
  const target = catalog.byName.get(field.reference?.resource ?? "");
  const relation = field.reference?.relation;
  const id = String(record[field.name]);
  const nested =
    relation == null ? null : (record[relation] as RaRecord | null);
  const name =
    nested && target ? representationOf(catalog, target, nested) : shortId(id);
  if (!target?.verbs.show || target.hidden) return <span>{name}</span>;
  const { schema } = target;
  // A composite key is not in the row that points at it: only its name is.
  const targetId = schema.id.node ? nested?.id : id;
  if (targetId === undefined) return <span>{name}</span>;
  return (
    <LinkBase
      to={`/${target.name}/${encodeURIComponent(targetId)}/show`}
      onClick={(event: MouseEvent) => event.stopPropagation()}
      style={{ color: "inherit", textUnderlineOffset: 3 }}
    >
      {name}
    </LinkBase>
  );
};

const MoneyValue = ({ resource, field, record }: ValueProps) => {
  const catalog = useCatalog();
  const locale = useLocale();
  const minor = record[field.name] as number;
  const { currency: source, currencyCode } = field.widget?.options ?? {};
  if (currencyCode !== undefined) {
    return <Money minor={minor} currency={currencyCode} />;
  }
  const currency =
    source === undefined ? undefined : (record[source] as string | null);
  const path =
    source === undefined ? null : exponentPath(catalog, resource, source);
  const exponent = path === null ? undefined : valueAt(record, path);
  if (!currency || typeof exponent !== "number") {
    return currency ? (
      <Money minor={minor} currency={currency} />
    ) : (
      <span style={numbers}>{formatNumber(minor, field, locale)}</span>
    );
  }
  return (
    <span style={numbers}>
      {formatMoney(minor, currency, exponent, locale)}
    </span>
  );
};

/** One value of one record, as its widget, kind and reference want it shown. */
export const FieldValue = (props: ValueProps) => {
  const { resource, field, record, room = "line" } = props;
  const locale = useLocale();
  const catalog = useCatalog();
  const value: unknown = record[field.name];
  if (field.widget?.name === "image") {
    const path = imagePath(catalog, resource, field);
    const url = path === null ? null : valueAt(record, path);
    return <Picture url={typeof url === "string" ? url : null} room={room} />;
  }
  if (value === null || value === undefined || value === "") return <NoValue />;
  if (field.array) {
    const values = Array.isArray(value) ? value : [value];
    if (typeof values[0] === "number" && values.length > 12) {
      return <JsonValue value={values} room={room} />;
    }
    return (
      <Chips
        values={values.map((item) =>
          typeof item === "object" ? JSON.stringify(item) : String(item),
        )}
        room={room}
      />
    );
  }
  switch (field.widget?.name) {
    case "money":
      return <MoneyValue {...props} />;
    case "percent":
      return (
        <span style={numbers}>{formatPercent(Number(value), locale)}</span>
      );
    case "duration":
      return (
        <span style={numbers}>{formatDuration(Number(value), locale)}</span>
      );
    case "color":
      return <ColorValue color={String(value)} />;
    case "status":
      return (
        <StatusChip
          tone={toneOf(String(value))}
          label={statusLabel(field, String(value))}
        />
      );
    case "json":
      return <JsonValue value={value} room={room} />;
    default:
      break;
  }
  if (field.reference !== null) return <ReferenceValue {...props} />;
  switch (field.kind) {
    case "boolean":
      return <BooleanValue value={value === true} />;
    case "datetime":
      return <RelativeTime value={String(value)} />;
    case "date":
      return <span style={numbers}>{formatDay(String(value), locale)}</span>;
    case "int":
    case "float":
    case "bigint":
    case "numeric":
      return (
        <span style={numbers}>
          {typeof value === "number"
            ? formatNumber(value, field, locale)
            : String(value)}
        </span>
      );
    case "enum":
      return <span>{valueLabel(field, String(value))}</span>;
    case "uuid":
      return (
        <Tooltip title={String(value)}>
          <code style={{ fontSize: "0.82em" }}>
            {room === "page" ? String(value) : shortId(String(value))}
          </code>
        </Tooltip>
      );
    case "json":
      return <JsonValue value={value} room={room} />;
    default:
      return <Clipped room={room}>{String(value)}</Clipped>;
  }
};

export const isNumeric = (field: CatalogField): boolean =>
  !field.array &&
  field.reference === null &&
  ["int", "float", "bigint", "numeric"].includes(field.kind);
