import ArrowForwardIcon from "@mui/icons-material/ArrowForward";
import BoltIcon from "@mui/icons-material/BoltOutlined";
import BookmarkIcon from "@mui/icons-material/BookmarkBorderOutlined";
import SearchIcon from "@mui/icons-material/Search";
import Box from "@mui/material/Box";
import Dialog from "@mui/material/Dialog";
import InputBase from "@mui/material/InputBase";
import LinearProgress from "@mui/material/LinearProgress";
import Typography from "@mui/material/Typography";
import type { ComponentType, KeyboardEvent, ReactNode } from "react";
import { createElement, useEffect, useId, useRef, useState } from "react";
import { useResourceDefinitions, useTranslate } from "react-admin";
import { useNavigate } from "react-router";

import { iconNamed } from "../catalog/icons.ts";
import { useTokens } from "../theme/useTokens.ts";
import { findCommands } from "./commands.ts";
import type { RunnableCommand } from "./useCommands.ts";
import { useCommands } from "./useCommands.ts";
import { useRecordSearch } from "./useRecordSearch.ts";

type Option = {
  key: string;
  label: string;
  hint?: string;
  icon: ComponentType;
  open: () => void;
};

type Section = { key: string; label: string; options: Option[] };

const commandIcons = {
  page: ArrowForwardIcon,
  action: BoltIcon,
  view: BookmarkIcon,
} as const;

const Row = ({
  option,
  id,
  active,
  onPoint,
}: {
  option: Option;
  id: string;
  active: boolean;
  onPoint: () => void;
}) => {
  const c = useTokens();
  const ref = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (active) ref.current?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <Box
      ref={ref}
      id={id}
      role="option"
      aria-selected={active}
      onMouseMove={onPoint}
      onClick={option.open}
      sx={{
        display: "flex",
        alignItems: "center",
        gap: 1.5,
        px: 2,
        mx: 1,
        minHeight: 42,
        borderRadius: "9px",
        cursor: "pointer",
        bgcolor: active ? c.accentSoft : "transparent",
        "& svg": { fontSize: 19, color: c.quiet, flexShrink: 0 },
      }}
    >
      {createElement(option.icon)}
      <Typography variant="body2" noWrap sx={{ fontWeight: 500 }}>
        {option.label}
      </Typography>
      {option.hint !== undefined && (
        <Typography
          variant="caption"
          color="textSecondary"
          noWrap
          sx={{ ml: "auto", flexShrink: 0, maxWidth: "45%" }}
        >
          {option.hint}
        </Typography>
      )}
    </Box>
  );
};

const Key = ({ children }: { children: ReactNode }) => {
  const c = useTokens();
  return (
    <Box
      component="kbd"
      sx={{
        fontFamily: "inherit",
        fontSize: "0.72rem",
        px: 0.75,
        py: "1px",
        borderRadius: "5px",
        border: `1px solid ${c.line}`,
        color: c.quiet,
      }}
    >
      {children}
    </Box>
  );
};

/** Records, pages and actions from one field, without leaving the keyboard. */
export const SearchDialog = ({ onClose }: { onClose: () => void }) => {
  const translate = useTranslate();
  const navigate = useNavigate();
  const definitions = useResourceDefinitions();
  const listId = useId();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const commands = useCommands();
  const { groups, isAsked, isSearching } = useRecordSearch(text);

  const go = (to: string) => {
    onClose();
    void navigate(to);
  };
  const perform = ({ to, run }: RunnableCommand) => {
    if (to !== null) {
      go(to);
    } else {
      onClose();
      run?.();
    }
  };
  const found = findCommands(commands, text) as RunnableCommand[];
  const sections: Section[] = [
    ...groups.map(({ resource, hits }) => ({
      key: resource.name,
      // As the menu calls it: "Brands", not "Brand accounts".
      label: translate(`resources.${resource.name}.menu`, {
        _: resource.label,
      }),
      options: hits.map((hit) => ({
        key: `${resource.name}:${hit.id}`,
        label: hit.label,
        hint: hit.hint,
        icon: definitions[resource.name]?.icon ?? iconNamed(resource.icon),
        open: () => go(hit.to),
      })),
    })),
    ...(found.length === 0
      ? []
      : [
          {
            key: "commands",
            label: translate("search.go_and_do"),
            options: found.map((command) => ({
              key: command.key,
              label: command.label,
              icon: commandIcons[command.kind],
              open: () => perform(command),
            })),
          },
        ]),
  ];
  const options = sections.flatMap((section) => section.options);
  const position = Math.min(at, Math.max(0, options.length - 1));
  const optionId = (key: string) => `${listId}-${key}`;

  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined && options.length > 0) {
      event.preventDefault();
      setAt((position + step + options.length) % options.length);
    }
    if (event.key === "Enter") {
      event.preventDefault();
      options[position]?.open();
    }
  };

  return (
    <Dialog
      open
      onClose={onClose}
      fullWidth
      maxWidth="sm"
      sx={{ "& .MuiDialog-container": { alignItems: "flex-start" } }}
      slotProps={{
        paper: {
          "aria-label": translate("search.title"),
          sx: { mt: { xs: 2, sm: "12vh" } },
        },
      }}
    >
      <Box
        sx={{
          display: "flex",
          alignItems: "center",
          gap: 1.5,
          px: 2.5,
          py: 1.5,
        }}
      >
        <SearchIcon sx={{ color: "text.secondary" }} />
        <InputBase
          autoFocus
          fullWidth
          value={text}
          placeholder={translate("search.placeholder")}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={onKeyDown}
          inputProps={{
            role: "combobox",
            "aria-label": translate("search.title"),
            "aria-expanded": options.length > 0,
            "aria-controls": listId,
            "aria-autocomplete": "list",
            "aria-activedescendant": options[position]
              ? optionId(options[position].key)
              : undefined,
            spellCheck: false,
          }}
          sx={{ fontSize: "1.05rem" }}
        />
        <Key>Esc</Key>
      </Box>
      <Box sx={{ height: 2 }}>
        {isAsked && isSearching && (
          <LinearProgress
            aria-label={translate("catalog.searching")}
            sx={{ height: 2 }}
          />
        )}
      </Box>
      <Box
        id={listId}
        role="listbox"
        aria-label={translate("search.results")}
        sx={{
          maxHeight: "56vh",
          overflowY: "auto",
          pb: 1.5,
          borderTop: 1,
          borderColor: "divider",
        }}
      >
        {sections.map((section) => (
          <Box key={section.key} role="group" aria-label={section.label}>
            <Typography
              variant="overline"
              color="textSecondary"
              component="div"
              aria-hidden="true"
              sx={{ px: 3, pt: 1.5, pb: 0.25 }}
            >
              {section.label}
            </Typography>
            {section.options.map((option) => {
              const index = options.indexOf(option);
              return (
                <Row
                  key={option.key}
                  id={optionId(option.key)}
                  option={option}
                  active={index === position}
                  onPoint={() => setAt(index)}
                />
              );
            })}
          </Box>
        ))}
      </Box>
      {options.length === 0 && !isSearching && (
        <Typography color="textSecondary" role="status" sx={{ px: 3, pb: 3 }}>
          {translate("search.none", { text: text.trim() })}
        </Typography>
      )}
    </Dialog>
  );
};
