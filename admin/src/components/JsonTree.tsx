import CheckIcon from "@mui/icons-material/Check";
import ContentCopyIcon from "@mui/icons-material/ContentCopy";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import type { ReactNode } from "react";
import { useState } from "react";
import { useTranslate } from "react-admin";

import { useTokens } from "../theme/useTokens.ts";

type Node = { name: string | null; value: unknown; depth: number };

/** How deep it is open at first. */
const OPEN_DEPTH = 2;
/** So many entries of one list are drawn; the rest on request. */
const MOST = 100;

const entriesOf = (value: object): [string, unknown][] =>
  Array.isArray(value)
    ? value.map((item, at) => [String(at), item] as [string, unknown])
    : Object.entries(value);

const Name = ({ name }: { name: string | null }) => {
  const c = useTokens();
  return name === null ? null : (
    <span style={{ color: c.quiet }}>{name}: </span>
  );
};

const Leaf = ({ name, value }: { name: string | null; value: unknown }) => {
  const c = useTokens();
  const color =
    typeof value === "string"
      ? c.success
      : typeof value === "number"
        ? c.info
        : c.warning;
  return (
    <Box component="li" sx={{ overflowWrap: "anywhere" }}>
      <Name name={name} />
      {/* Text, whatever it holds. */}
      <span style={{ color, whiteSpace: "pre-wrap" }}>
        {JSON.stringify(value) ?? "undefined"}
      </span>
    </Box>
  );
};

const Branch = ({ name, value, depth }: Node & { value: object }) => {
  const translate = useTranslate();
  const c = useTokens();
  const entries = entriesOf(value);
  const [isOpen, setIsOpen] = useState(depth < OPEN_DEPTH);
  const [shown, setShown] = useState(MOST);
  const [open, close] = Array.isArray(value) ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) {
    return (
      <Box component="li">
        <Name name={name} />
        <span style={{ color: c.quiet }}>
          {open}
          {close}
        </span>
      </Box>
    );
  }
  return (
    <Box component="li">
      <details
        open={isOpen}
        onToggle={(event) => {
          // One inside it that opens tells of it here, too.
          if (event.target === event.currentTarget) {
            setIsOpen(event.currentTarget.open);
          }
        }}
      >
        <Box
          component="summary"
          sx={{ cursor: "pointer", overflowWrap: "anywhere" }}
        >
          <Name name={name} />
          <span style={{ color: c.quiet }}>
            {open}
            {isOpen
              ? ""
              : ` ${translate("json.entries", { smart_count: entries.length })} ${close}`}
          </span>
        </Box>
        {isOpen && (
          <Branches>
            {entries.slice(0, shown).map(([key, item]) => (
              <Part
                key={key}
                name={Array.isArray(value) ? null : key}
                value={item}
                depth={depth + 1}
              />
            ))}
            {entries.length > shown && (
              <li>
                <Button size="small" onClick={() => setShown(shown + MOST)}>
                  {translate("json.more", {
                    smart_count: entries.length - shown,
                  })}
                </Button>
              </li>
            )}
          </Branches>
        )}
      </details>
    </Box>
  );
};

const Branches = ({ children }: { children: ReactNode }) => (
  <Box
    component="ul"
    sx={{
      listStyle: "none",
      m: 0,
      pl: 2.25,
      borderLeft: 1,
      borderColor: "divider",
      ml: 0.5,
    }}
  >
    {children}
  </Box>
);

const Part = (node: Node) =>
  typeof node.value === "object" && node.value !== null ? (
    <Branch {...node} value={node.value} />
  ) : (
    <Leaf {...node} />
  );

/** Anything as a tree that opens by mouse and keyboard, and as text to copy. */
export const JsonTree = ({
  value,
  label,
}: {
  value: unknown;
  label: string;
}) => {
  const translate = useTranslate();
  const [copied, setCopied] = useState(false);
  const copy = () => {
    navigator.clipboard.writeText(JSON.stringify(value, null, 2)).then(
      () => setCopied(true),
      // Without permission it stays to be marked by hand.
      () => setCopied(false),
    );
  };
  return (
    <Box sx={{ position: "relative" }}>
      <Button
        size="small"
        variant="outlined"
        onClick={copy}
        startIcon={copied ? <CheckIcon /> : <ContentCopyIcon />}
        sx={{
          position: "absolute",
          top: 8,
          right: 8,
          bgcolor: "background.paper",
        }}
      >
        <span aria-live="polite">
          {translate(copied ? "app.copied" : "app.copy")}
        </span>
      </Button>
      <Box
        tabIndex={0}
        role="region"
        aria-label={label}
        sx={{
          p: 1.5,
          pt: 2,
          maxHeight: 560,
          overflow: "auto",
          borderRadius: "9px",
          bgcolor: "background.default",
          fontFamily: "ui-monospace, SFMono-Regular, Menlo, monospace",
          fontSize: "0.8rem",
          lineHeight: 1.65,
        }}
      >
        <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
          <Part name={null} value={value} depth={0} />
        </Box>
      </Box>
    </Box>
  );
};
