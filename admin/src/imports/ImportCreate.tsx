import UploadFileIcon from "@mui/icons-material/UploadFileOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import MenuItem from "@mui/material/MenuItem";
import Typography from "@mui/material/Typography";
import type { DragEvent } from "react";
import { useId, useState } from "react";
import { Title, useNavigate, useTranslate } from "react-admin";
import { useSearchParams } from "react-router";

import { errorSentence } from "../auth/AuthForm.tsx";
import { useCatalog } from "../catalog/CatalogContext.tsx";
import { Panel } from "../components/Panel.tsx";
import { PlainSelect } from "../components/PlainSelect.tsx";
import { queryClient } from "../connection.ts";
import { formatBytes } from "../format.ts";
import { useTokens } from "../theme/useTokens.ts";
import { useSession } from "../useSession.ts";
import { uploadFile } from "./importApi.ts";
import { isImportable, PRODUCTS } from "./targets.ts";

export const ImportCreate = () => {
  const translate = useTranslate();
  const navigate = useNavigate();
  const c = useTokens();
  const inputId = useId();
  const [file, setFile] = useState<File | null>(null);
  const [progress, setProgress] = useState(0);
  const [error, setError] = useState<{ message: string; hint: string } | null>(
    null,
  );
  const [over, setOver] = useState(false);
  const [query, setQuery] = useSearchParams();
  const { session } = useSession();
  const tables = useCatalog().resources.filter((resource) =>
    isImportable(resource, session),
  );
  const wanted = [query.get("target"), PRODUCTS];
  const target =
    wanted.find((name) => tables.some(({ table }) => table === name)) ??
    tables[0]?.table ??
    PRODUCTS;
  const busy = file !== null;

  const take = (chosen: File | undefined) => {
    setOver(false);
    if (chosen === undefined) return;
    setFile(chosen);
    setProgress(0);
    setError(null);
    uploadFile(chosen, target, setProgress)
      .then((preview) => {
        queryClient.setQueryData(
          ["imports", "preview", preview.run.id],
          preview,
        );
        void queryClient.invalidateQueries({
          queryKey: ["imports", "getList"],
        });
        navigate(`/imports/${preview.run.id}/show`);
      })
      .catch((reason: unknown) => {
        setError(errorSentence(reason));
        setFile(null);
      });
  };

  return (
    <Box sx={{ maxWidth: 880, mt: 1 }}>
      <Title
        title={translate(
          session.brand === null ? "imports.into_list" : "imports.new",
        )}
      />
      <Panel>
        {tables.length > 1 && (
          <Box sx={{ mb: 2.5, maxWidth: 320 }}>
            <Typography
              component="div"
              variant="subtitle2"
              sx={{ mb: 0.75 }}
              aria-hidden
            >
              {translate("imports.into")}
            </Typography>
            <PlainSelect
              name={translate("imports.into")}
              fullWidth
              disabled={busy}
              value={target}
              onSelect={(table) =>
                setQuery({ target: table }, { replace: true })
              }
            >
              {tables.map(({ table, label }) => (
                <MenuItem key={table} value={table}>
                  {label}
                </MenuItem>
              ))}
            </PlainSelect>
          </Box>
        )}
        <Box
          onDragOver={(event: DragEvent) => {
            event.preventDefault();
            setOver(true);
          }}
          onDragLeave={() => setOver(false)}
          onDrop={(event: DragEvent) => {
            event.preventDefault();
            take(event.dataTransfer.files[0]);
          }}
          sx={{
            border: `1.5px dashed ${over ? c.accent : c.control}`,
            bgcolor: over ? c.accentSoft : c.raised,
            borderRadius: "14px",
            px: { xs: 2, sm: 5 },
            py: { xs: 5, sm: 8 },
            textAlign: "center",
          }}
        >
          <Box
            component="img"
            src="/illustrations/bags.svg?color=camel"
            alt=""
            width={112}
            height={112}
            sx={{ borderRadius: "18px", mb: 2.5 }}
          />
          <Typography component="h2" variant="h3" gutterBottom>
            {translate(
              busy
                ? "imports.reading"
                : target === PRODUCTS
                  ? "imports.drop_title"
                  : "imports.drop_title_table",
            )}
          </Typography>
          {busy ? (
            <Box sx={{ maxWidth: 380, mx: "auto" }}>
              <Typography
                color="textSecondary"
                sx={{ mb: 2, overflowWrap: "anywhere" }}
              >
                {file.name} · {formatBytes(file.size)}
              </Typography>
              <LinearProgress
                aria-label={translate("upload.progress")}
                variant={progress < 1 ? "determinate" : "indeterminate"}
                value={progress * 100}
              />
            </Box>
          ) : (
            <>
              <Typography
                color="textSecondary"
                sx={{ mb: 3, maxWidth: 520, mx: "auto" }}
              >
                {translate("imports.drop_body")}
              </Typography>
              <Button
                component="label"
                htmlFor={inputId}
                variant="contained"
                size="large"
                startIcon={<UploadFileIcon />}
                tabIndex={-1}
                role={undefined}
                sx={{
                  "&:focus-within": {
                    outline: `2px solid ${c.accent}`,
                    outlineOffset: 2,
                  },
                }}
              >
                {translate("imports.choose")}
                <input
                  id={inputId}
                  className="visually-hidden"
                  type="file"
                  accept=".csv,.tsv,.txt,text/csv,text/tab-separated-values,text/plain"
                  onChange={(event) => {
                    take(event.target.files?.[0]);
                    event.target.value = "";
                  }}
                />
              </Button>
            </>
          )}
        </Box>
        {error && (
          <Alert severity="error" role="alert" sx={{ mt: 2 }}>
            <strong>{translate(error.message, { _: error.message })}</strong>
            {error.hint !== "" && <div>{error.hint}</div>}
          </Alert>
        )}
        <Box
          component="ol"
          sx={{
            m: 0,
            mt: 3,
            pl: 2.5,
            color: "text.secondary",
            display: "grid",
            gap: 0.75,
          }}
        >
          {["step_map", "step_dry", "step_run"].map((step) => (
            <li key={step}>
              <Typography variant="body2">
                {translate(`imports.${step}`)}
              </Typography>
            </li>
          ))}
        </Box>
      </Panel>
    </Box>
  );
};
