import DownloadIcon from "@mui/icons-material/DownloadOutlined";
import PlayArrowIcon from "@mui/icons-material/PlayArrowOutlined";
import ReplayIcon from "@mui/icons-material/ReplayOutlined";
import StopIcon from "@mui/icons-material/StopOutlined";
import TuneIcon from "@mui/icons-material/TuneOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import LinearProgress from "@mui/material/LinearProgress";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useEffect, useState } from "react";
import {
  LinkBase,
  Title,
  useDataProvider,
  useGetOne,
  useLocale,
  useNavigate,
  useNotify,
  useParams,
  useTranslate,
} from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { useCatalog } from "../catalog/CatalogContext.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { formatCount } from "../format.ts";
import { NotFoundPage } from "../layout/ErrorPage.tsx";
import { PageSkeleton } from "../layout/Layout.tsx";
import { displayFont } from "../theme/theme.ts";
import { useSession } from "../useSession.ts";
import { ImportStatusChip } from "./ImportStatusChip.tsx";
import { MappingForm } from "./MappingForm.tsx";
import { RefusedRows } from "./RefusedRows.tsx";
import { isOwnRun, PRODUCTS } from "./targets.ts";
import type { ImportRun } from "./types.ts";
import { isActive } from "./types.ts";
import { UnmappedLabels } from "./UnmappedLabels.tsx";

const WATCH_EVERY_MS = 1000;

/** The table of a run, by the name its pages have. */
const useTargetName = (run: ImportRun | undefined): string => {
  const table = run?.target ?? PRODUCTS;
  const found = useCatalog().resources.find(
    (resource) => resource.table === table,
  );
  return found?.name ?? table;
};

/** Reads a run, again every second while it moves. */
const useRun = (id: string) => {
  const client = useQueryClient();
  const query = useGetOne<ImportRun>(
    "imports",
    { id },
    {
      refetchInterval: (state) => {
        const run = state.state.data as ImportRun | undefined;
        return run !== undefined && isActive(run.status)
          ? WATCH_EVERY_MS
          : false;
      },
    },
  );
  const status = query.data?.status;
  const target = useTargetName(query.data);
  useEffect(() => {
    if (
      status === "completed" ||
      status === "cancelled" ||
      status === "failed"
    ) {
      // Products and refusals changed behind the caches of other pages.
      void client.invalidateQueries({ queryKey: [target] });
      void client.invalidateQueries({ queryKey: ["import_refusals"] });
      void client.invalidateQueries({ queryKey: ["imports", "unmapped"] });
    }
  }, [client, status, target]);
  return query;
};

const useImportActions = (
  run: ImportRun | undefined,
  refetch: () => unknown,
) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  const navigate = useNavigate();
  const notify = useNotify();
  const id = run?.id ?? "";
  const { mutateAsync, isPending } = useMutation({
    mutationFn: ({
      name,
      input,
    }: {
      name: string;
      input: Record<string, unknown>;
    }) =>
      dataProvider.mutate<{ result: { rowId: string } | null }>(
        name,
        { runId: id, ...input },
        "result { rowId }",
      ),
    onSuccess: () => refetch(),
  });
  const say = (error: unknown) => {
    const { message, hint } = errorSentence(error);
    notify(`${message} ${hint}`.trim(), { type: "error" });
  };
  return {
    busy: isPending,
    start: async (
      mapping: Record<string, string>,
      dryRun: boolean,
      uniqueKey: string | null,
    ) => {
      await mutateAsync({
        name: "startImport",
        input: { mapping, dryRun, uniqueKey },
      });
    },
    cancel: () =>
      void mutateAsync({ name: "cancelImport", input: {} }).catch(say),
    resume: () =>
      void mutateAsync({ name: "resumeImport", input: {} }).catch(say),
    rerun: () =>
      void mutateAsync({ name: "rerunRefused", input: {} })
        .then((answer) => {
          const next = answer.result?.rowId;
          if (next) navigate(`/imports/${next}/show`);
        })
        .catch(say),
  };
};

const Tally = ({
  label,
  value,
  to,
  strong = false,
}: {
  label: string;
  value: number;
  to?: string;
  strong?: boolean;
}) => {
  const locale = useLocale();
  const translate = useTranslate();
  const figure = (
    <>
      <Typography
        component="span"
        sx={{
          display: "block",
          fontFamily: displayFont,
          fontSize: "2.1rem",
          lineHeight: 1.1,
          fontVariantNumeric: "tabular-nums lining-nums",
          color: strong && value > 0 ? "error.main" : "text.primary",
        }}
      >
        {formatCount(value, locale)}
      </Typography>
      <Typography component="span" variant="body2" color="textSecondary">
        {translate(label)}
      </Typography>
    </>
  );
  return to === undefined || value === 0 ? (
    <Box>{figure}</Box>
  ) : (
    <Box
      component={to.startsWith("#") ? "a" : LinkBase}
      {...(to.startsWith("#") ? { href: to } : { to })}
      sx={{
        color: "inherit",
        textDecoration: "none",
        "&:hover span:last-of-type": { textDecoration: "underline" },
      }}
    >
      {figure}
    </Box>
  );
};

const Tallies = ({ run }: { run: ImportRun }) => {
  const key = run.dryRun ? "would" : "did";
  const target = useTargetName(run);
  return (
    <Box
      sx={{
        display: "grid",
        gridTemplateColumns: { xs: "1fr 1fr", sm: "repeat(4, 1fr)" },
        gap: 2.5,
      }}
    >
      <Tally
        label={`imports.${key}_create`}
        value={run.createdCount}
        {...(run.dryRun ? {} : { to: `/${target}` })}
      />
      <Tally
        label={`imports.${key}_update`}
        value={run.updatedCount}
        {...(run.dryRun ? {} : { to: `/${target}` })}
      />
      <Tally label="imports.unchanged" value={run.unchangedCount} />
      <Tally
        label="imports.refused"
        value={run.refusedCount}
        to="#refused"
        strong
      />
    </Box>
  );
};

const Progress = ({
  run,
  onCancel,
  busy,
}: {
  run: ImportRun;
  onCancel: () => void;
  busy: boolean;
}) => {
  const translate = useTranslate();
  const locale = useLocale();
  const total = run.totalRows;
  const percent =
    total !== null && total > 0
      ? Math.min(100, (run.processedRows / total) * 100)
      : null;
  return (
    <Panel
      title={translate(run.dryRun ? "imports.checking" : "imports.importing")}
    >
      <LinearProgress
        variant={percent === null ? "indeterminate" : "determinate"}
        value={percent ?? 0}
        aria-label={translate("imports.progress")}
      />
      <Box
        aria-live="polite"
        sx={{
          display: "flex",
          justifyContent: "space-between",
          mt: 1.25,
          mb: 3,
          gap: 2,
        }}
      >
        <Typography variant="body2" sx={{ fontVariantNumeric: "tabular-nums" }}>
          {total === null
            ? translate("imports.reading_file")
            : translate("imports.rows_of", {
                done: formatCount(run.processedRows, locale),
                total: formatCount(total, locale),
              })}
        </Typography>
        <Typography variant="body2" color="textSecondary">
          {percent === null ? "" : `${Math.floor(percent)} %`}
        </Typography>
      </Box>
      <Tallies run={run} />
      <Button
        variant="outlined"
        startIcon={<StopIcon />}
        onClick={onCancel}
        disabled={busy || run.status === "cancelling"}
        sx={{ mt: 3 }}
      >
        {translate(
          run.status === "cancelling" ? "imports.cancelling" : "app.cancel",
        )}
      </Button>
    </Panel>
  );
};

const Result = ({ run, actions }: { run: ImportRun; actions: ReactNode }) => {
  const translate = useTranslate();
  const changed = run.createdCount + run.updatedCount;
  return (
    <Panel
      title={translate(run.dryRun ? "imports.result_dry" : "imports.result")}
    >
      {run.status === "failed" && (
        <Alert severity="error" sx={{ mb: 2.5 }}>
          {run.errorMessage ?? translate("imports.failed")}
        </Alert>
      )}
      {run.status === "cancelled" && (
        <Alert severity="warning" sx={{ mb: 2.5 }}>
          {translate("imports.cancelled_note")}
        </Alert>
      )}
      {run.status === "completed" &&
        !run.dryRun &&
        changed === 0 &&
        run.unchangedCount > 0 && (
          <Alert severity="info" sx={{ mb: 2.5 }}>
            {translate("imports.nothing_changed")}
          </Alert>
        )}
      <Tallies run={run} />
      <Box sx={{ display: "flex", gap: 1.5, mt: 3, flexWrap: "wrap" }}>
        {actions}
      </Box>
    </Panel>
  );
};

export const ImportShow = () => {
  const { id = "" } = useParams<{ id: string }>();
  const translate = useTranslate();
  const { can, session } = useSession();
  const { data: run, isPending, error, refetch } = useRun(id);
  const actions = useImportActions(run, refetch);
  const [remap, setRemap] = useState(false);
  const navigate = useNavigate();
  const target = useTargetName(run);

  if (error) return <NotFoundPage />;
  if (isPending || !run) {
    return (
      <>
        <Title title={translate("imports.one")} />
        <PageSkeleton />
      </>
    );
  }

  const mayRun = can("imports", "create") && isOwnRun(run, session);
  const finished = ["completed", "cancelled", "failed"].includes(run.status);
  const showMapping =
    mayRun && (run.status === "uploaded" || (finished && run.dryRun && remap));
  const hasRefused = run.refusedCount > 0;

  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <Title title={run.filename} />
      <Box
        sx={{ display: "flex", gap: 2, alignItems: "center", flexWrap: "wrap" }}
      >
        <ImportStatusChip run={run} />
        <Typography variant="body2" color="textSecondary">
          {translate("imports.uploaded")} <RelativeTime value={run.createdAt} />
        </Typography>
        {run.rerunOf !== null && (
          <LinkBase
            to={`/imports/${run.rerunOf}/show`}
            style={{ color: "inherit" }}
          >
            <Typography component="span" variant="body2">
              {translate("imports.rerun_of")}
            </Typography>
          </LinkBase>
        )}
      </Box>

      {isActive(run.status) && (
        <Progress
          run={run}
          onCancel={actions.cancel}
          busy={actions.busy || !mayRun}
        />
      )}

      {finished && (
        <Result
          run={run}
          actions={
            mayRun && (
              <>
                {run.dryRun && run.status === "completed" && (
                  <Button
                    variant="contained"
                    startIcon={<PlayArrowIcon />}
                    disabled={
                      actions.busy || run.createdCount + run.updatedCount === 0
                    }
                    onClick={() =>
                      void actions.start(run.mapping, false, run.uniqueKey)
                    }
                  >
                    {translate("imports.run_now")}
                  </Button>
                )}
                {run.dryRun && !remap && (
                  <Button
                    variant="outlined"
                    startIcon={<TuneIcon />}
                    onClick={() => setRemap(true)}
                  >
                    {translate("imports.change_mapping")}
                  </Button>
                )}
                {!run.dryRun &&
                  run.status !== "completed" &&
                  run.startedAt !== null && (
                    <Button
                      variant="contained"
                      startIcon={<PlayArrowIcon />}
                      disabled={actions.busy}
                      onClick={actions.resume}
                    >
                      {translate("imports.resume")}
                    </Button>
                  )}
                {!run.dryRun && run.status === "completed" && (
                  <Button
                    variant="contained"
                    component={LinkBase}
                    to={`/${target}`}
                  >
                    {translate(
                      run.target === PRODUCTS
                        ? "imports.see_products"
                        : "imports.see_records",
                    )}
                  </Button>
                )}
                {!run.dryRun && hasRefused && (
                  <Button
                    variant="outlined"
                    startIcon={<ReplayIcon />}
                    disabled={actions.busy}
                    onClick={actions.rerun}
                  >
                    {translate("imports.rerun")}
                  </Button>
                )}
                {hasRefused && (
                  <Button
                    variant="outlined"
                    startIcon={<DownloadIcon />}
                    href={`/imports/${run.id}/refused.csv`}
                    download
                  >
                    {translate("imports.download_refused")}
                  </Button>
                )}
              </>
            )
          }
        />
      )}

      {showMapping && (
        <MappingForm
          run={run}
          busy={actions.busy}
          onStart={async (mapping, dryRun, uniqueKey) => {
            await actions.start(mapping, dryRun, uniqueKey);
            setRemap(false);
          }}
          onDiscard={() => {
            actions.cancel();
            navigate("/imports");
          }}
        />
      )}

      {finished && hasRefused && (
        <>
          {run.brandId !== null && (
            <UnmappedLabels
              run={run}
              editable={mayRun}
              onRerun={run.dryRun ? null : actions.rerun}
            />
          )}
          <Box id="refused" sx={{ scrollMarginTop: 90 }}>
            <RefusedRows run={run} />
          </Box>
        </>
      )}
    </Box>
  );
};
