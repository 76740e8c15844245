import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Tab from "@mui/material/Tab";
import Tabs from "@mui/material/Tabs";
import Typography from "@mui/material/Typography";
import { keepPreviousData } from "@tanstack/react-query";
import { createElement, useId } from "react";
import {
  LinkBase,
  useGetList,
  useListContext,
  useStore,
  useTranslate,
} from "react-admin";

import { useIsPhone } from "../components/ListFrame.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { useCategories } from "../components/useLookups.ts";
import { formatCount } from "../format.ts";
import { useTokens } from "../theme/useTokens.ts";
import { jobColumns } from "./jobColumns.ts";
import { SINCE } from "./JobFilters.tsx";
import { JobThumb, useGarmentNames } from "./JobPictures.tsx";
import { iconOfStatus } from "./JobStatusChip.tsx";
import type { TriedOn, TryonJob, TryonStatus } from "./types.ts";
import { shortHandle, toneOfStatus } from "./types.ts";
import { useErrorWords } from "./useErrorWords.ts";
import { useJobScope } from "./useJobScope.ts";
import { useTriedOn } from "./useTriedOn.ts";

type ColumnName = "queued" | "processing" | "completed" | "failed" | "stopped";

const COLUMNS: Readonly<Record<ColumnName, readonly TryonStatus[]>> = {
  queued: ["queued"],
  processing: ["processing"],
  completed: ["completed"],
  failed: ["failed"],
  stopped: ["cancelled", "expired"],
};
const NAMES = Object.keys(COLUMNS) as ColumnName[];

const CARDS = 6;
const CAP = 10_000;
/** What is over is shown of the last days, unless another span is chosen. */
const RECENT = 7 * 86_400;

/** One below the other, none wider than the column. */
const stack = {
  display: "grid",
  gap: 1,
  alignContent: "start",
  gridTemplateColumns: "minmax(0, 1fr)",
};

type Counted = { value: number; capped: boolean };

const useColumn = (name: ColumnName) => {
  const { jobs, eyes } = useJobScope();
  const { filterValues } = useListContext();
  const { status: _status, ...rest } = (filterValues ?? {}) as Record<
    string,
    unknown
  >;
  const isWaiting = name === "queued" || name === "processing";
  const filter = {
    ...(isWaiting ? {} : { [SINCE]: RECENT }),
    ...rest,
    status: COLUMNS[name].length === 1 ? COLUMNS[name][0] : COLUMNS[name],
  };
  const { data, meta, isPending, error } = useGetList<TryonJob>(
    jobs,
    {
      pagination: { page: 1, perPage: CARDS },
      sort: { field: "id", order: "DESC" },
      filter,
      meta: {
        count: { cap: CAP },
        columns: jobColumns[eyes],
      },
    },
    { placeholderData: keepPreviousData },
  );
  const counted = (meta as { count?: Counted } | undefined)?.count;
  return {
    jobs: data ?? [],
    isPending,
    error,
    count:
      counted === undefined
        ? ""
        : `${formatCount(counted.value)}${counted.capped ? "+" : ""}`,
    more: `/${jobs}?${new URLSearchParams({
      show: "list",
      filter: JSON.stringify(filter),
    }).toString()}`,
    isRecent: !isWaiting && rest[SINCE] === undefined,
  };
};

const Card = ({
  job,
  garments,
}: {
  job: TryonJob;
  garments: readonly TriedOn[] | undefined;
}) => {
  const translate = useTranslate();
  const c = useTokens();
  const { jobs } = useJobScope();
  const { labelOf } = useCategories();
  const nameOf = useGarmentNames();
  const wordsOf = useErrorWords();
  const whose =
    job.shopper != null
      ? translate("tryons.shopper_handle", { handle: shortHandle(job.shopper) })
      : (job.brand?.name ?? job.user?.displayName ?? null);
  return (
    <Box
      component={LinkBase}
      to={`/${jobs}/${job.id}/show`}
      sx={{
        display: "flex",
        gap: 1.25,
        p: 1.25,
        borderRadius: "10px",
        border: `1px solid ${c.line}`,
        bgcolor: "background.paper",
        color: "inherit",
        textDecoration: "none",
        "&:hover": { borderColor: c.control },
      }}
    >
      <JobThumb garments={garments} size={44} />
      <Box sx={{ minWidth: 0, flex: 1 }}>
        <Typography
          variant="subtitle2"
          component="span"
          sx={{
            display: "-webkit-box",
            WebkitBoxOrient: "vertical",
            WebkitLineClamp: "2",
            overflow: "hidden",
            overflowWrap: "anywhere",
            lineHeight: 1.35,
          }}
        >
          {nameOf(garments, labelOf(job.categoryCode))}
        </Typography>
        {job.errorCode !== null && (
          <Typography
            variant="caption"
            component="span"
            sx={{
              display: "block",
              color: job.status === "failed" ? c.error : c.quiet,
            }}
          >
            {wordsOf(job.errorCode).title}
          </Typography>
        )}
        {[
          whose,
          job.status === "processing"
            ? translate("tryons.attempt_of", {
                attempt: job.attempt,
                of: job.maxAttempts,
              })
            : job.status === "cancelled" || job.status === "expired"
              ? translate(`tryons.status.${job.status}`)
              : null,
          <RelativeTime key="t" value={job.finishedAt ?? job.queuedAt} />,
        ].map((line, index) =>
          line === null ? null : (
            <Typography
              key={index}
              variant="caption"
              component="span"
              color="textSecondary"
              sx={{
                display: "block",
                overflowWrap: "anywhere",
                // A narrow column breaks a time that stays whole elsewhere.
                "& time": { whiteSpace: "normal !important" },
              }}
            >
              {line}
            </Typography>
          ),
        )}
      </Box>
    </Box>
  );
};

const Cards = ({ name }: { name: ColumnName }) => {
  const translate = useTranslate();
  const c = useTokens();
  const column = useColumn(name);
  const triedOn = useTriedOn(column.jobs.map(({ id }) => id));
  if (column.isPending) {
    return [0, 1, 2].map((index) => (
      <Skeleton key={index} variant="rounded" height={72} />
    ));
  }
  return (
    <>
      {column.isRecent && (
        <Typography variant="caption" color="textSecondary">
          {translate("tryons.since.604800")}
        </Typography>
      )}
      {column.jobs.length === 0 ? (
        <Box
          sx={{
            border: `1px dashed ${c.line}`,
            borderRadius: "10px",
            py: 3,
            px: 2,
            textAlign: "center",
          }}
        >
          <Typography variant="body2" color="textSecondary">
            {column.error === null
              ? translate(`tryons.none.${name}`)
              : translate("tryons.unreadable")}
          </Typography>
        </Box>
      ) : (
        <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0, ...stack }}>
          {column.jobs.map((job) => (
            <li key={job.id}>
              <Card job={job} garments={triedOn.get(job.id)} />
            </li>
          ))}
        </Box>
      )}
      {column.jobs.length === CARDS && (
        <Box
          component={LinkBase}
          to={column.more}
          sx={{ color: "text.secondary", fontSize: "0.85rem", py: 0.5 }}
        >
          {translate("tryons.all_of", {
            count: column.count,
            status: translate(`tryons.column.${name}`).toLowerCase(),
          })}
        </Box>
      )}
    </>
  );
};

const Column = ({ name }: { name: ColumnName }) => {
  const translate = useTranslate();
  const c = useTokens();
  const id = useId();
  const { count, more } = useColumn(name);
  const first = COLUMNS[name][0] ?? "queued";
  const ink = { ...c, quiet: c.quiet }[toneOfStatus[first]];
  return (
    <Box
      component="section"
      aria-labelledby={id}
      sx={{
        minWidth: 0,
        borderRadius: "14px",
        bgcolor: c.raised,
        border: `1px solid ${c.line}`,
        p: 1.25,
        ...stack,
      }}
    >
      <Box sx={{ display: "flex", alignItems: "center", gap: 1, px: 0.5 }}>
        <Box
          aria-hidden="true"
          sx={{ display: "flex", color: ink, "& svg": { fontSize: 18 } }}
        >
          {createElement(iconOfStatus[first])}
        </Box>
        <Typography id={id} component="h2" variant="subtitle2" sx={{ flex: 1 }}>
          {translate(`tryons.column.${name}`)}
        </Typography>
        <Box
          component={LinkBase}
          to={more}
          aria-label={translate("tryons.all_of", {
            count,
            status: translate(`tryons.column.${name}`).toLowerCase(),
          })}
          sx={{
            color: "text.secondary",
            fontWeight: 600,
            fontSize: "0.85rem",
            fontVariantNumeric: "tabular-nums",
            textDecoration: "none",
            "&:hover": { textDecoration: "underline" },
          }}
        >
          {count}
        </Box>
      </Box>
      <Cards name={name} />
    </Box>
  );
};

const TabLabel = ({ name }: { name: ColumnName }) => {
  const translate = useTranslate();
  const { count } = useColumn(name);
  return `${translate(`tryons.column.${name}`)} ${count}`;
};

/** One column at a time. */
const PhoneBoard = () => {
  const translate = useTranslate();
  const [name, setName] = useStore<ColumnName>("tryon_jobs.column", "queued");
  const id = useId();
  return (
    <>
      <Tabs
        value={name}
        onChange={(_event, next: ColumnName) => setName(next)}
        variant="scrollable"
        scrollButtons={false}
        aria-label={translate("tryons.board")}
        sx={{ mb: 1.5 }}
      >
        {NAMES.map((one) => (
          <Tab
            key={one}
            value={one}
            id={`${id}-${one}`}
            aria-controls={one === name ? `${id}-panel` : undefined}
            label={<TabLabel name={one} />}
          />
        ))}
      </Tabs>
      <Box
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-${name}`}
        sx={stack}
      >
        <Cards name={name} />
      </Box>
    </>
  );
};

/** Where the jobs stand: newest first in each state, with how many there are. */
export const JobBoard = () => {
  const isPhone = useIsPhone();
  if (isPhone) return <PhoneBoard />;
  return (
    <Box
      sx={{
        display: "grid",
        gap: 1.5,
        alignItems: "start",
        gridTemplateColumns: {
          sm: "repeat(2, minmax(0, 1fr))",
          md: "repeat(3, minmax(0, 1fr))",
          lg: "repeat(5, minmax(0, 1fr))",
        },
      }}
    >
      {NAMES.map((name) => (
        <Column key={name} name={name} />
      ))}
    </Box>
  );
};
