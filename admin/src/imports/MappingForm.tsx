import PlayArrowIcon from "@mui/icons-material/PlayArrowOutlined";
import ScienceIcon from "@mui/icons-material/ScienceOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import MenuItem from "@mui/material/MenuItem";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslate } from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { Panel } from "../components/Panel.tsx";
import { PlainSelect } from "../components/PlainSelect.tsx";
import { useCurrencies } from "../components/useLookups.ts";
import { readPreview } from "./importApi.ts";
import type { ImportPreview, ImportRun } from "./types.ts";

const NONE = "";

const SampleValues = ({
  preview,
  column,
}: {
  preview: ImportPreview;
  column: string;
}) => {
  const translate = useTranslate();
  const index = preview.run.header.indexOf(column);
  if (column.startsWith("=")) {
    return (
      <>
        {translate("imports.constant_for_all", {
          value: column.slice(1).toUpperCase(),
        })}
      </>
    );
  }
  if (index < 0) return <>{translate("imports.not_imported")}</>;
  const values = preview.sample
    .map((row) => row.fields[index] ?? "")
    .filter(Boolean);
  return <>{values.slice(0, 3).join("  ·  ") || "–"}</>;
};

/** Which column of the file fills which field; guessed by the server, editable. */
export const MappingForm = ({
  run,
  onStart,
  onDiscard,
  busy,
}: {
  run: ImportRun;
  onStart: (
    mapping: Record<string, string>,
    dryRun: boolean,
    uniqueKey: string | null,
  ) => Promise<void>;
  onDiscard: () => void;
  busy: boolean;
}) => {
  const translate = useTranslate();
  const { currencies } = useCurrencies();
  const { data: preview, error } = useQuery({
    queryKey: ["imports", "preview", run.id],
    queryFn: () => readPreview(run.id),
    staleTime: Number.POSITIVE_INFINITY,
  });
  const [edited, setEdited] = useState<Record<string, string> | null>(null);
  const [key, setKey] = useState(NONE);
  const [refusal, setRefusal] = useState("");

  if (error) {
    return (
      <Alert severity="error">
        {errorSentence(error).message} {errorSentence(error).hint}
      </Alert>
    );
  }
  if (!preview) {
    return (
      <Skeleton variant="rounded" height={420} sx={{ borderRadius: "14px" }} />
    );
  }

  const saved =
    Object.keys(run.mapping).length > 0 ? run.mapping : preview.mapping;
  const mapping = edited ?? saved;
  const missing = preview.fields.filter(
    (field) => field.required && !mapping[field.name],
  );
  const fieldLabel = (name: string) =>
    preview.fields.find((field) => field.name === name)?.label ??
    translate(`imports.fields.${name}`, { _: name });

  const start = (dryRun: boolean) => {
    setRefusal("");
    const chosen = Object.fromEntries(
      Object.entries(mapping).filter(([, column]) => column !== NONE),
    );
    onStart(chosen, dryRun, key === NONE ? null : key).catch(
      (reason: unknown) => {
        const { message, hint } = errorSentence(reason);
        setRefusal(`${message} ${hint}`.trim());
      },
    );
  };

  return (
    <Panel title={translate("imports.mapping_title")}>
      <Typography color="textSecondary" sx={{ mb: 2.5, maxWidth: 720 }}>
        {translate("imports.mapping_body", {
          columns: preview.run.header.length,
          encoding: preview.run.encoding.toUpperCase(),
        })}
      </Typography>
      {preview.warnings.map((warning) => (
        <Alert key={warning} severity="warning" sx={{ mb: 1.5 }}>
          {warning}
        </Alert>
      ))}
      <Box
        role="table"
        aria-label={translate("imports.mapping_title")}
        sx={{ display: "grid", gap: { xs: 2, sm: 0 } }}
      >
        {preview.fields.map((field) => {
          const value = mapping[field.name] ?? NONE;
          const label = fieldLabel(field.name);
          return (
            <Box
              role="row"
              key={field.name}
              sx={{
                display: "grid",
                gridTemplateColumns: {
                  xs: "minmax(0,1fr)",
                  sm: "170px minmax(200px, 300px) minmax(0,1fr)",
                },
                columnGap: 3,
                alignItems: "center",
                py: { sm: 0.5 },
                borderTop: { sm: 1 },
                borderColor: { sm: "divider" },
                "&:first-of-type": { borderTop: 0 },
              }}
            >
              <Box role="rowheader">
                <Typography component="span" variant="subtitle2">
                  {label}
                </Typography>
                {field.required && (
                  <Typography
                    component="span"
                    variant="caption"
                    color="secondary"
                    sx={{ ml: 0.75, fontWeight: 600 }}
                  >
                    {translate("imports.required")}
                  </Typography>
                )}
              </Box>
              <Box role="cell">
                <PlainSelect
                  name={translate("imports.column_for", { field: label })}
                  value={value}
                  onSelect={(column) =>
                    setEdited({ ...mapping, [field.name]: column })
                  }
                  error={field.required && value === NONE}
                >
                  <MenuItem value={NONE}>
                    <Typography
                      component="span"
                      variant="body2"
                      color="textSecondary"
                    >
                      {translate("imports.no_column")}
                    </Typography>
                  </MenuItem>
                  {preview.run.header.map((column) => (
                    <MenuItem key={column} value={column}>
                      {column}
                    </MenuItem>
                  ))}
                  {field.name === "currency" &&
                    currencies.map(({ code }) => (
                      <MenuItem key={code} value={`=${code}`}>
                        {translate("imports.always", {
                          value: code.toUpperCase(),
                        })}
                      </MenuItem>
                    ))}
                </PlainSelect>
              </Box>
              <Typography
                role="cell"
                variant="body2"
                color="textSecondary"
                noWrap
                sx={{ minWidth: 0 }}
              >
                <SampleValues preview={preview} column={value} />
              </Typography>
            </Box>
          );
        })}
      </Box>
      {preview.keys.length > 0 && (
        <Box sx={{ mt: 3, maxWidth: 420 }}>
          <Typography variant="subtitle2" sx={{ mb: 0.75 }} aria-hidden>
            {translate("imports.found_by")}
          </Typography>
          <PlainSelect
            name={translate("imports.found_by")}
            fullWidth
            value={key}
            onSelect={setKey}
          >
            <MenuItem value={NONE}>{translate("imports.found_auto")}</MenuItem>
            {preview.keys.map(({ name, fields }) => (
              <MenuItem key={name} value={name}>
                {fields.map(fieldLabel).join(" + ")}
              </MenuItem>
            ))}
            <MenuItem value="none">{translate("imports.found_never")}</MenuItem>
          </PlainSelect>
        </Box>
      )}
      {missing.length > 0 && (
        <Alert severity="warning" sx={{ mt: 2 }}>
          {translate("imports.missing", {
            fields: missing.map((field) => fieldLabel(field.name)).join(", "),
          })}
        </Alert>
      )}
      {refusal !== "" && (
        <Alert severity="error" role="alert" sx={{ mt: 2 }}>
          {refusal}
        </Alert>
      )}
      <Box sx={{ display: "flex", gap: 1.5, mt: 3, flexWrap: "wrap" }}>
        <Button
          variant="contained"
          startIcon={<ScienceIcon />}
          disabled={busy || missing.length > 0}
          onClick={() => start(true)}
        >
          {translate("imports.dry_run")}
        </Button>
        <Button
          variant="outlined"
          startIcon={<PlayArrowIcon />}
          disabled={busy || missing.length > 0}
          onClick={() => start(false)}
        >
          {translate("imports.run")}
        </Button>
        <Box sx={{ flex: 1 }} />
        {run.status === "uploaded" && (
          <Button onClick={onDiscard} disabled={busy}>
            {translate("imports.discard")}
          </Button>
        )}
      </Box>
    </Panel>
  );
};
