import AddIcon from "@mui/icons-material/AddCircleOutlineOutlined";
import ReplayIcon from "@mui/icons-material/ReplayOutlined";
import SignalIcon from "@mui/icons-material/SignalWifiStatusbarConnectedNoInternet4Outlined";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { ComponentType, ReactNode } from "react";
import { createElement } from "react";
import { useLocale, useTranslate } from "react-admin";

import { formatDuration } from "../catalog/fields/text.ts";
import { RelativeTime } from "../components/RelativeTime.tsx";
import type { Tone } from "../components/StatusChip.tsx";
import { useTokens } from "../theme/useTokens.ts";
import { iconOfStatus } from "./JobStatusChip.tsx";
import { useCost } from "./JobTable.tsx";
import type { TryonAttempt, TryonPage } from "./types.ts";
import { isOver, toneOfStatus } from "./types.ts";
import { useErrorWords } from "./useErrorWords.ts";

type Step = {
  key: string;
  icon: ComponentType;
  tone: Tone;
  title: string;
  body?: ReactNode;
  at: string | null;
};

const lasted = (from: string, to: string): number =>
  Math.max(0, new Date(to).getTime() - new Date(from).getTime());

const iconOfOutcome: Readonly<Record<TryonAttempt["outcome"], ComponentType>> =
  {
    completed: iconOfStatus.completed,
    failed: iconOfStatus.failed,
    retried: ReplayIcon,
    lost: SignalIcon,
  };
const toneOfOutcome: Readonly<Record<TryonAttempt["outcome"], Tone>> = {
  completed: "success",
  failed: "error",
  retried: "warning",
  lost: "warning",
};

const useSteps = (job: TryonPage): Step[] => {
  const translate = useTranslate();
  const locale = useLocale();
  const wordsOf = useErrorWords();
  const costOf = useCost();

  const why = (code: string | null): string =>
    code === null ? "" : wordsOf(code).title;
  /** When the job could be taken: asked for, or sent back by the attempt before. */
  const freeSince = (attempt: number): string =>
    job.attempts.find((one) => one.attempt === attempt - 1)?.finishedAt ??
    job.queuedAt;
  const waited = (attempt: number, startedAt: string): string =>
    translate("tryons.waited", {
      time: formatDuration(lasted(freeSince(attempt), startedAt), locale),
    });
  const bodyOf = (one: TryonAttempt): ReactNode => (
    <>
      {why(one.errorCode) !== "" && (
        <Box component="span" sx={{ display: "block" }}>
          {why(one.errorCode)}
          {one.outcome === "retried" &&
            `. ${translate("tryons.back_to_queue")}`}
        </Box>
      )}
      <Box component="span" sx={{ display: "block" }}>
        {[
          waited(one.attempt, one.startedAt),
          translate("tryons.took", {
            time: formatDuration(
              one.processingMs ?? lasted(one.startedAt, one.finishedAt),
              locale,
            ),
          }),
          ...(one.worker === undefined
            ? []
            : [translate("tryons.by_worker", { worker: one.worker })]),
        ].join(" · ")}
      </Box>
    </>
  );

  const steps: Step[] = [
    {
      key: "asked",
      icon: AddIcon,
      tone: "quiet",
      title: translate("tryons.timeline.asked"),
      body: costOf(job),
      at: job.queuedAt,
    },
    ...job.attempts.map((one): Step => ({
      key: `attempt ${one.attempt}`,
      icon: iconOfOutcome[one.outcome],
      tone: toneOfOutcome[one.outcome],
      title: translate(`tryons.timeline.${one.outcome}`, {
        attempt: one.attempt,
      }),
      body: bodyOf(one),
      at: one.finishedAt,
    })),
  ];
  if (job.status === "processing") {
    steps.push({
      key: "running",
      icon: iconOfStatus.processing,
      tone: "warning",
      title: translate("tryons.timeline.running", { attempt: job.attempt }),
      body: [
        ...(job.startedAt === null ? [] : [waited(job.attempt, job.startedAt)]),
        ...(job.lockedBy == null
          ? []
          : [translate("tryons.by_worker", { worker: job.lockedBy })]),
      ].join(" · "),
      at: job.startedAt,
    });
  }
  if (job.status === "queued") {
    steps.push({
      key: "waiting",
      icon: iconOfStatus.queued,
      tone: "info",
      title: translate("tryons.timeline.waiting", { attempt: job.attempt + 1 }),
      at: null,
    });
  }
  if (isOver(job.status)) {
    steps.push({
      key: "end",
      icon: iconOfStatus[job.status],
      tone: toneOfStatus[job.status],
      title: translate(`tryons.timeline.end.${job.status}`),
      body:
        // What ended its last attempt is said there.
        job.errorCode === job.attempts.at(-1)?.errorCode
          ? undefined
          : why(job.errorCode),
      at: job.finishedAt,
    });
  }
  return steps;
};

/** What happened to a job, in order, every attempt included. */
export const JobTimeline = ({ job }: { job: TryonPage }) => {
  const c = useTokens();
  const steps = useSteps(job);
  const inkOf = (tone: Tone) => c[tone];
  return (
    <Box component="ol" sx={{ listStyle: "none", m: 0, p: 0 }}>
      {steps.map((step, index) => (
        <Box
          component="li"
          key={step.key}
          sx={{
            position: "relative",
            display: "flex",
            gap: 1.5,
            pb: index === steps.length - 1 ? 0 : 2.25,
            ...(index === steps.length - 1
              ? {}
              : {
                  "&::before": {
                    content: '""',
                    position: "absolute",
                    left: 13,
                    top: 28,
                    bottom: 0,
                    width: "2px",
                    bgcolor: c.line,
                  },
                }),
          }}
        >
          <Box
            aria-hidden="true"
            sx={{
              width: 28,
              height: 28,
              flexShrink: 0,
              display: "grid",
              placeItems: "center",
              color: inkOf(step.tone),
              "& svg": { fontSize: 22 },
            }}
          >
            {createElement(step.icon)}
          </Box>
          <Box sx={{ minWidth: 0, flex: 1, pt: "3px" }}>
            <Box
              sx={{
                display: "flex",
                justifyContent: "space-between",
                columnGap: 2,
                flexWrap: "wrap",
                alignItems: "baseline",
              }}
            >
              <Typography variant="subtitle2" component="span">
                {step.title}
              </Typography>
              {step.at !== null && (
                <Typography
                  variant="caption"
                  color="textSecondary"
                  component="span"
                >
                  <RelativeTime value={step.at} />
                </Typography>
              )}
            </Box>
            {step.body !== undefined && step.body !== "" && (
              <Typography
                variant="body2"
                color="textSecondary"
                component="div"
                sx={{ overflowWrap: "anywhere" }}
              >
                {step.body}
              </Typography>
            )}
          </Box>
        </Box>
      ))}
    </Box>
  );
};
