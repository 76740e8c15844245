import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import {
  Title,
  useDataProvider,
  useLocale,
  useNotify,
  useTranslate,
} from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { Definition } from "../components/Definition.tsx";
import { useIsPhone } from "../components/ListFrame.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { formatCount } from "../format.ts";
import { DeniedPage } from "../layout/ErrorPage.tsx";
import { formatMs, formatSpan } from "../operations/words.ts";
import { useSession } from "../useSession.ts";
import type { BackgroundJob, QueueOfTask, TaskRun } from "./backgroundApi.ts";
import {
  BACKGROUND,
  useProblems,
  useQueues,
  useRuns,
} from "./backgroundApi.ts";

/** Title, as of when, how it is counted; a skeleton, the rows, or that there are none. */
const Section = <Row,>({
  name,
  query,
  children,
}: {
  name: "queues" | "problems" | "runs";
  query: {
    data: Row[] | undefined;
    dataUpdatedAt: number;
    error: Error | null;
  };
  children: (rows: Row[]) => ReactNode;
}) => {
  const translate = useTranslate();
  const { data, dataUpdatedAt, error } = query;
  return (
    <Panel
      title={translate(`background.${name}`)}
      action={
        <Box sx={{ display: "flex", gap: 1, alignItems: "center" }}>
          <AsOf at={dataUpdatedAt} />
          <Definition text={translate(`background.${name}_definition`)} />
        </Box>
      }
      sx={{ minWidth: 0 }}
    >
      {error !== null ? (
        <Typography role="alert" color="error">
          {translate(error.message, { _: error.message })}
        </Typography>
      ) : data === undefined ? (
        <Skeleton variant="rounded" height={140} />
      ) : data.length === 0 ? (
        <Typography color="textSecondary">
          {translate(`background.${name}_empty`)}
        </Typography>
      ) : (
        children(data)
      )}
    </Panel>
  );
};

const Heads = ({ names }: { names: readonly [string, "left" | "right"][] }) => {
  const translate = useTranslate();
  return (
    <TableHead>
      <TableRow>
        {names.map(([name, align]) => (
          <TableCell key={name} align={align}>
            {name === "" ? null : translate(`background.${name}`)}
          </TableCell>
        ))}
      </TableRow>
    </TableHead>
  );
};

const Queues = ({ queues }: { queues: readonly QueueOfTask[] }) => {
  const locale = useLocale();
  return (
    // Wider than a phone, and without a link to go to: the keyboard scrolls it.
    <Box sx={{ overflowX: "auto" }} tabIndex={0}>
      <Table size="small">
        <Heads
          names={[
            ["task", "left"],
            ["waiting", "right"],
            ["running", "right"],
            ["failing", "right"],
            ["dead", "right"],
            ["oldest", "right"],
          ]}
        />
        <TableBody>
          {queues.map((queue) => (
            <TableRow key={queue.task}>
              <TableCell component="th" scope="row">
                {queue.task}
              </TableCell>
              {(["waiting", "running", "failing", "dead"] as const).map(
                (state) => (
                  <TableCell
                    key={state}
                    align="right"
                    sx={{
                      fontVariantNumeric: "tabular-nums",
                      ...(state === "dead" && queue.dead > 0
                        ? { color: "error.main", fontWeight: 700 }
                        : {}),
                    }}
                  >
                    {formatCount(queue[state], locale)}
                  </TableCell>
                ),
              )}
              <TableCell align="right" sx={{ whiteSpace: "nowrap" }}>
                {queue.oldestSeconds === null
                  ? "–"
                  : formatSpan(queue.oldestSeconds)}
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Box>
  );
};

const RetryButton = ({ job }: { job: BackgroundJob }) => {
  const translate = useTranslate();
  const notify = useNotify();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const { mutate, isPending } = useMutation({
    mutationFn: () =>
      dataProvider.mutate("retryBackgroundJob", { jobId: job.jobId }),
    onSuccess: () => notify("background.retried", { type: "info" }),
    onError: (error) => notify(error.message, { type: "error" }),
    onSettled: () => client.invalidateQueries({ queryKey: BACKGROUND }),
  });
  return (
    <Button
      size="small"
      variant="outlined"
      disabled={isPending}
      aria-label={translate("background.retry_name", { task: job.task })}
      onClick={() => mutate()}
    >
      {translate("background.retry")}
    </Button>
  );
};

const Problem = ({ job }: { job: BackgroundJob }) => {
  const translate = useTranslate();
  const { can } = useSession();
  return (
    <Box
      component="li"
      sx={{
        display: "flex",
        flexWrap: "wrap",
        alignItems: "center",
        columnGap: 2,
        rowGap: 0.75,
        py: 1.5,
        borderTop: 1,
        borderColor: "divider",
        "&:first-of-type": { borderTop: 0, pt: 0 },
      }}
    >
      <Box sx={{ flex: "1 1 260px", minWidth: 0, overflowWrap: "anywhere" }}>
        <Typography component="span" variant="subtitle2">
          {job.task}
        </Typography>{" "}
        <StatusChip
          tone={job.jobState === "dead" ? "error" : "warning"}
          label={`background.${job.jobState}`}
        />
        <Typography component="p" variant="body2" sx={{ mt: 0.5 }}>
          {job.lastError ?? "–"}
        </Typography>
        <Typography component="p" variant="caption" color="textSecondary">
          {translate("background.attempt")}{" "}
          {translate("background.attempt_of", {
            attempts: job.attempts,
            max: job.maxAttempts,
          })}
          {job.jobState === "failing" && (
            <>
              {" · "}
              {translate("background.next")} <RelativeTime value={job.runAt} />
            </>
          )}
        </Typography>
      </Box>
      {can("background", "edit") && <RetryButton job={job} />}
    </Box>
  );
};

const RunResult = ({ run }: { run: TaskRun }) => {
  const translate = useTranslate();
  return (
    <>
      <StatusChip
        tone={run.outcome === "failed" ? "error" : "success"}
        label={`background.outcome.${run.outcome}`}
      />
      {run.findings !== null && (
        <>
          {" "}
          <StatusChip
            tone="error"
            label={translate("background.findings", {
              smart_count: run.findings,
            })}
          />
        </>
      )}
      {run.error !== null && (
        <Typography
          component="p"
          variant="caption"
          color="textSecondary"
          sx={{ overflowWrap: "anywhere" }}
        >
          {run.error}
        </Typography>
      )}
    </>
  );
};

const took = (run: TaskRun): string =>
  formatMs(
    new Date(run.finishedAt).getTime() - new Date(run.startedAt).getTime(),
  );

const Runs = ({ runs }: { runs: readonly TaskRun[] }) => {
  const isPhone = useIsPhone();
  if (isPhone) {
    return (
      <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
        {runs.map((run) => (
          <Box
            component="li"
            key={run.rowId}
            sx={{ py: 1.25, borderTop: 1, borderColor: "divider" }}
          >
            <Box
              sx={{ display: "flex", justifyContent: "space-between", gap: 1 }}
            >
              <Typography
                component="span"
                variant="subtitle2"
                sx={{ overflowWrap: "anywhere" }}
              >
                {run.task}
              </Typography>
              <Typography variant="caption" color="textSecondary">
                <RelativeTime value={run.finishedAt} isPast />
              </Typography>
            </Box>
            <RunResult run={run} />
          </Box>
        ))}
      </Box>
    );
  }
  return (
    <Table size="small">
      <Heads
        names={[
          ["task", "left"],
          ["result", "left"],
          ["took", "right"],
          ["ended", "right"],
        ]}
      />
      <TableBody>
        {runs.map((run) => (
          <TableRow key={run.rowId}>
            <TableCell component="th" scope="row">
              {run.task}
            </TableCell>
            <TableCell>
              <RunResult run={run} />
            </TableCell>
            <TableCell
              align="right"
              sx={{ whiteSpace: "nowrap", fontVariantNumeric: "tabular-nums" }}
            >
              {took(run)}
            </TableCell>
            <TableCell align="right">
              <RelativeTime value={run.finishedAt} isPast />
            </TableCell>
          </TableRow>
        ))}
      </TableBody>
    </Table>
  );
};

const Background = () => {
  const translate = useTranslate();
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <Title title={translate("background.title")} />
      <Section<BackgroundJob> name="problems" query={useProblems()}>
        {(jobs) => (
          <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
            {jobs.map((job) => (
              <Problem key={job.jobId} job={job} />
            ))}
          </Box>
        )}
      </Section>
      <Section<QueueOfTask> name="queues" query={useQueues()}>
        {(queues) => <Queues queues={queues} />}
      </Section>
      <Section<TaskRun> name="runs" query={useRuns()}>
        {(runs) => <Runs runs={runs} />}
      </Section>
    </Box>
  );
};

/** What runs behind the scenes, for staff who keep it running. */
export const BackgroundPage = () => {
  const { can } = useSession();
  return can("background", "list") ? <Background /> : <DeniedPage />;
};
