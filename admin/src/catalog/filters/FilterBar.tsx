import FilterListIcon from "@mui/icons-material/FilterList";
import SearchIcon from "@mui/icons-material/Search";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Chip from "@mui/material/Chip";
import InputAdornment from "@mui/material/InputAdornment";
import ListSubheader from "@mui/material/ListSubheader";
import Menu from "@mui/material/Menu";
import MenuItem from "@mui/material/MenuItem";
import Popover from "@mui/material/Popover";
import TextField from "@mui/material/TextField";
import { useEffect, useRef, useState } from "react";
import { useListContext, useLocale, useTranslate } from "react-admin";

import { useCurrencies } from "../../components/useLookups.ts";
import { formatMoney } from "../../format.ts";
import type { AdminResource } from "../adopt.ts";
import { useCatalog } from "../CatalogContext.tsx";
import { formatDay, formatNumber, valueLabel } from "../fields/text.ts";
import { useReferenceOptions } from "../inputs/useReferenceOptions.ts";
import { ConditionEditor } from "./ConditionEditor.tsx";
import type { Condition, Decoded, FilterField } from "./operators.ts";
import {
  decodeFilter,
  encodeFilter,
  filterable,
  filterField,
  operandOf,
} from "./operators.ts";
import { relatedFields } from "./relatedFields.ts";

const TYPING_MS = 300;

const SearchField = ({ resource }: { resource: AdminResource }) => {
  const translate = useTranslate();
  const { filterValues, setFilters } = useListContext();
  const asked = String(filterValues?.["q"] ?? "");
  const [text, setText] = useState(asked);
  const [known, setKnown] = useState(asked);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  // The address changed without this field: going back, a saved view.
  if (asked !== known) {
    setKnown(asked);
    setText(asked);
  }
  useEffect(() => () => clearTimeout(timer.current), []);
  const ask = (next: string) => {
    const { q: _q, ...rest } = (filterValues ?? {}) as Record<string, unknown>;
    setKnown(next.trim());
    setFilters(next.trim() === "" ? rest : { ...rest, q: next.trim() }, {});
  };
  return (
    <TextField
      type="search"
      label={translate("filters.search", { label: resource.label })}
      value={text}
      onChange={(event) => {
        const next = event.target.value;
        setText(next);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => ask(next), TYPING_MS);
      }}
      sx={{ maxWidth: { sm: 300 } }}
      margin="none"
      slotProps={{
        input: {
          endAdornment: (
            <InputAdornment position="end">
              <SearchIcon fontSize="small" />
            </InputAdornment>
          ),
        },
      }}
    />
  );
};

/** What a chip says after the column's name. */
const useOperandText = (
  field: FilterField,
  { operator, value }: Condition,
): string => {
  const locale = useLocale();
  const operand = operandOf(field, operator);
  const ids =
    operand === "references" && Array.isArray(value) ? value.map(String) : [];
  const { chosen } = useReferenceOptions(field.reference?.resource ?? "", {
    text: "",
    open: false,
    ids,
  });
  const { exponentOf } = useCurrencies();
  const one = (item: unknown): string => {
    if (item === null || item === undefined || item === "") return "…";
    if (operand === "references") {
      return chosen.find(({ id }) => id === String(item))?.label ?? "…";
    }
    if (field.kind === "date" || field.kind === "datetime") {
      return formatDay(String(item), locale);
    }
    const currency = field.widget?.options["currencyCode"];
    if (typeof item === "number" && currency !== undefined) {
      return formatMoney(item, currency, exponentOf(currency), locale);
    }
    if (typeof item === "number") return formatNumber(item, field, locale);
    return valueLabel(field, String(item));
  };
  if (operand === "none") return "";
  if (operand === "range") {
    const [from, to] = value as unknown[];
    return `${one(from)} – ${one(to)}`;
  }
  return Array.isArray(value) ? value.map(one).join(", ") : one(value);
};

const ConditionChip = ({
  field,
  condition,
  onOpen,
  onDelete,
}: {
  field: FilterField;
  condition: Condition;
  onOpen: (anchor: HTMLElement) => void;
  onDelete: () => void;
}) => {
  const translate = useTranslate();
  const text = useOperandText(field, condition);
  const label = [
    field.label,
    translate(`filters.short.${condition.operator}`),
    text,
  ]
    .filter((part) => part !== "")
    .join(" ");
  return (
    <Chip
      label={label}
      variant="outlined"
      onClick={(event) => onOpen(event.currentTarget)}
      onDelete={onDelete}
      sx={{
        maxWidth: 340,
        height: 34,
        bgcolor: "background.paper",
        "& .MuiChip-deleteIcon": { color: "text.secondary" },
      }}
    />
  );
};

type Open = { anchor: HTMLElement; field: FilterField; index: number | null };

/** Search, the conditions in force as chips, and the way to add one. */
export const FilterBar = ({ resource }: { resource: AdminResource }) => {
  const translate = useTranslate();
  const { filterValues, setFilters } = useListContext();
  const [menu, setMenu] = useState<HTMLElement | null>(null);
  const [open, setOpen] = useState<Open | null>(null);
  const addButton = useRef<HTMLButtonElement>(null);
  const catalog = useCatalog();
  const related = relatedFields(catalog, resource);
  const asked = { fields: [...resource.fields, ...related] };
  const decoded = decodeFilter(
    asked,
    (filterValues ?? {}) as Record<string, unknown>,
  );
  const { conditions } = decoded;
  const others = Object.keys(decoded.rest).filter((key) => key !== "q");
  const fields = filterable(resource);
  const set = (next: Decoded) => setFilters(encodeFilter(asked, next), {});
  const without = (index: number) =>
    conditions.filter((_condition, at) => at !== index);
  const menuItem = (field: FilterField) => (
    <MenuItem
      key={field.name}
      onClick={() => {
        setMenu(null);
        if (addButton.current !== null) {
          setOpen({ anchor: addButton.current, field, index: null });
        }
      }}
    >
      {field.label}
    </MenuItem>
  );
  const canSearch = resource.schema.search !== null;
  return (
    <Box
      sx={{ display: "flex", flexWrap: "wrap", gap: 1, alignItems: "center" }}
    >
      {canSearch && <SearchField resource={resource} />}
      {conditions.map((condition, index) => {
        const field = filterField(asked, condition.field);
        return field === undefined ? null : (
          <ConditionChip
            key={`${condition.field}-${condition.operator}`}
            field={field}
            condition={condition}
            onOpen={(anchor) => setOpen({ anchor, field, index })}
            onDelete={() => set({ ...decoded, conditions: without(index) })}
          />
        );
      })}
      {others.length > 0 && (
        <Chip
          label={translate("filters.others", { smart_count: others.length })}
          variant="outlined"
          sx={{ height: 34 }}
          onDelete={() =>
            set({
              conditions,
              rest: "q" in decoded.rest ? { q: decoded.rest["q"] } : {},
            })
          }
        />
      )}
      {fields.length + related.length > 0 && (
        <Button
          ref={addButton}
          startIcon={<FilterListIcon />}
          aria-haspopup="menu"
          aria-expanded={menu !== null}
          onClick={(event) => setMenu(event.currentTarget)}
        >
          {translate("filters.add")}
        </Button>
      )}
      {conditions.length > 1 && (
        <Button
          onClick={() =>
            set({
              conditions: [],
              rest: "q" in decoded.rest ? { q: decoded.rest["q"] } : {},
            })
          }
        >
          {translate("filters.clear")}
        </Button>
      )}
      <Menu
        anchorEl={menu}
        open={menu !== null}
        onClose={() => setMenu(null)}
        // The editor that opens next takes the focus.
        disableRestoreFocus={open !== null}
        slotProps={{ paper: { sx: { maxHeight: 420, minWidth: 220 } } }}
      >
        {fields.map(menuItem)}
        {related.length > 0 && (
          <ListSubheader>{translate("filters.related")}</ListSubheader>
        )}
        {related.map(menuItem)}
      </Menu>
      <Popover
        open={open !== null}
        anchorEl={open?.anchor ?? null}
        onClose={() => setOpen(null)}
        anchorOrigin={{ vertical: "bottom", horizontal: "left" }}
        slotProps={{
          paper: {
            role: "dialog",
            "aria-label": open?.field.label ?? "",
            sx: {
              mt: 0.5,
              borderRadius: "14px",
              border: 1,
              borderColor: "divider",
            },
          },
        }}
      >
        {open !== null && (
          <ConditionEditor
            resource={resource}
            field={open.field}
            condition={
              open.index === null ? null : (conditions[open.index] ?? null)
            }
            onApply={(condition) => {
              const kept =
                open.index === null ? conditions : without(open.index);
              set({ ...decoded, conditions: [...kept, condition] });
              setOpen(null);
            }}
            onRemove={
              open.index === null
                ? undefined
                : () => {
                    set({
                      ...decoded,
                      conditions: without(open.index ?? -1),
                    });
                    setOpen(null);
                  }
            }
          />
        )}
      </Popover>
    </Box>
  );
};
