import DownloadIcon from "@mui/icons-material/DownloadOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import IconButton from "@mui/material/IconButton";
import LinearProgress from "@mui/material/LinearProgress";
import ListItemText from "@mui/material/ListItemText";
import Menu from "@mui/material/Menu";
import MenuItem from "@mui/material/MenuItem";
import Tooltip from "@mui/material/Tooltip";
import Typography from "@mui/material/Typography";
import { useId, useRef, useState } from "react";
import { useListContext, useNotify, useTranslate } from "react-admin";

import { formatCount } from "../../format.ts";
import type { AdminResource } from "../adopt.ts";
import { useCatalog } from "../CatalogContext.tsx";
import { columnsFor, imagePath } from "../columns.ts";
import { useListLayout } from "../list/useListLayout.ts";
import type { ExportFormat, ExportProgress } from "./exportRows.ts";
import { exportRows } from "./exportRows.ts";
import { listVariables } from "./listVariables.ts";

const FORMATS: readonly ExportFormat[] = ["csv", "xlsx", "ndjson"];

const download = (name: string, file: Blob) => {
  const url = URL.createObjectURL(file);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
};

/** All rows of the list as it is filtered and sorted, as a file. */
export const ExportMenu = ({
  resource,
  columns: described = null,
  filter = {},
}: {
  resource: AdminResource;
  /** Those of a page that says itself what it shows; "all" where it has none to choose. */
  columns?: readonly string[] | "all" | null;
  /** A condition of the page, which its own filter does not show. */
  filter?: Record<string, unknown>;
}) => {
  const translate = useTranslate();
  const notify = useNotify();
  const title = useId();
  const catalog = useCatalog();
  const isWhole = described === "all";
  const { columns } = useListLayout(resource, isWhole ? null : described);
  const { filterValues, sort, total } = useListContext();
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const [progress, setProgress] = useState<ExportProgress | null>(null);
  const running = useRef<AbortController | null>(null);

  const start = async (format: ExportFormat, all: boolean) => {
    const abort = new AbortController();
    running.current = abort;
    setAnchor(null);
    setProgress({ rows: null, total: null });
    try {
      const variables = await listVariables(catalog.schemas, resource.name, {
        filter: {
          ...((filterValues ?? {}) as Record<string, unknown>),
          ...filter,
        },
        sort,
      });
      // A link to a picture soon ends; its key, which stays, is exported.
      const links = new Set(
        columns.map((field) => imagePath(catalog, resource, field)),
      );
      const { name, file } = await exportRows(
        {
          resource: resource.table,
          columns: all
            ? resource.fields.filter(({ read }) => read).map(({ name }) => name)
            : columnsFor(catalog, resource, columns).filter(
                (path) => !path.endsWith(".exponent") && !links.has(path),
              ),
          format,
          ...(variables.filter === undefined
            ? {}
            : { filter: variables.filter }),
          ...(variables.orderBy === undefined
            ? {}
            : { orderBy: variables.orderBy }),
        },
        setProgress,
        abort.signal,
      );
      download(name, file);
      notify("exports.done", { type: "info", messageArgs: { name } });
    } catch (error) {
      if (!abort.signal.aborted) {
        notify(error instanceof Error ? error.message : String(error), {
          type: "error",
        });
      }
    } finally {
      running.current = null;
      setProgress(null);
    }
  };

  const cancel = () => running.current?.abort();
  const share =
    progress?.rows != null && progress.total !== null && progress.total > 0
      ? Math.min(100, (progress.rows / progress.total) * 100)
      : null;
  return (
    <>
      <Tooltip title={translate("exports.title")}>
        <span>
          <IconButton
            aria-label={translate("exports.title")}
            aria-haspopup="menu"
            aria-expanded={anchor !== null}
            disabled={total === 0}
            onClick={(event) => setAnchor(event.currentTarget)}
          >
            <DownloadIcon />
          </IconButton>
        </span>
      </Tooltip>
      <Menu
        anchorEl={anchor}
        open={anchor !== null}
        onClose={() => setAnchor(null)}
      >
        {FORMATS.map((format) => (
          <MenuItem key={format} onClick={() => void start(format, isWhole)}>
            <ListItemText
              primary={translate(`exports.formats.${format}`)}
              secondary={translate(isWhole ? "exports.all" : "exports.shown")}
            />
          </MenuItem>
        ))}
        {!isWhole && (
          <MenuItem onClick={() => void start("csv", true)}>
            <ListItemText
              primary={translate("exports.formats.csv")}
              secondary={translate("exports.all")}
            />
          </MenuItem>
        )}
      </Menu>
      <Dialog
        open={progress !== null}
        onClose={cancel}
        aria-labelledby={title}
        fullWidth
        maxWidth="xs"
      >
        <DialogTitle id={title}>{translate("exports.running")}</DialogTitle>
        <DialogContent>
          <Box sx={{ py: 1 }}>
            <LinearProgress
              aria-label={translate("exports.running")}
              {...(share === null
                ? { variant: "indeterminate" as const }
                : { variant: "determinate" as const, value: share })}
            />
          </Box>
          <Typography
            variant="body2"
            color="textSecondary"
            role="status"
            sx={{ fontVariantNumeric: "tabular-nums" }}
          >
            {progress?.rows != null && progress.total !== null
              ? translate("exports.rows", {
                  done: formatCount(progress.rows),
                  total: formatCount(progress.total),
                })
              : translate("exports.starting")}
          </Typography>
        </DialogContent>
        <DialogActions>
          <Button onClick={cancel}>{translate("app.cancel")}</Button>
        </DialogActions>
      </Dialog>
    </>
  );
};
