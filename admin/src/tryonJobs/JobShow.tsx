import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import {
  LinkBase,
  useGetList,
  useLocale,
  useParams,
  useTranslate,
} from "react-admin";

import { formatDuration, formatPercent } from "../catalog/fields/text.ts";
import { Facts } from "../components/Facts.tsx";
import { Panel } from "../components/Panel.tsx";
import { RecordPage, RecordPending } from "../components/RecordPage.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { useCategories } from "../components/useLookups.ts";
import { NotFoundPage } from "../layout/ErrorPage.tsx";
import { useSession } from "../useSession.ts";
import { JobActions, useWalletName } from "./JobActions.tsx";
import { TriedOnImage, useGarmentNames } from "./JobPictures.tsx";
import { JobRating } from "./JobRating.tsx";
import { JobResult } from "./JobResult.tsx";
import { JobStatusChip } from "./JobStatusChip.tsx";
import { useCost } from "./JobTable.tsx";
import { JobTimeline } from "./JobTimeline.tsx";
import { LedgerEntries } from "./LedgerEntries.tsx";
import type { TriedOn, TryonJob, TryonPage } from "./types.ts";
import { shortHandle } from "./types.ts";
import { useErrorWords } from "./useErrorWords.ts";
import { useJob } from "./useJob.ts";
import { useJobScope } from "./useJobScope.ts";
import { useLedger } from "./useLedger.ts";

/** What happens next, or what can be done now. */
const NextStep = ({ job }: { job: TryonPage }) => {
  const translate = useTranslate();
  const wordsOf = useErrorWords();
  const { eyes } = useJobScope();
  const hint =
    (job.status === "failed" || job.status === "expired") &&
    job.errorCode !== null
      ? wordsOf(job.errorCode)
      : null;
  return (
    <Typography
      role="status"
      sx={{ maxWidth: 640, fontSize: "1.02rem" }}
      color="textSecondary"
    >
      {hint === null
        ? translate(
            job.status === "queued" && job.attempt > 0
              ? "tryons.next.retrying"
              : `tryons.next.${job.status}`,
            { attempt: job.attempt, of: job.maxAttempts },
          )
        : `${hint.title}. ${hint.hint === "" ? translate(`tryons.next.${job.status}`) : hint.hint}`}
      {job.status === "completed" &&
        eyes === "shopper" &&
        (job.feedback ?? null) === null &&
        ` ${translate("tryons.next.rate")}`}
    </Typography>
  );
};

const Garment = ({ garment }: { garment: TriedOn }) => {
  const translate = useTranslate();
  const { labelOf } = useCategories();
  const isPrivate = garment.name === "";
  const name = isPrivate ? translate("tryons.private_item") : garment.name;
  const words = (
    <Box sx={{ minWidth: 0 }}>
      <Typography variant="subtitle2" sx={{ overflowWrap: "anywhere" }}>
        {name}
      </Typography>
      <Typography variant="caption" color="textSecondary">
        {isPrivate
          ? translate("tryons.private_item_body")
          : [
              labelOf(garment.categoryCode),
              garment.color,
              ...(garment.kind === "item"
                ? [translate("tryons.own_item")]
                : []),
            ]
              .filter(Boolean)
              .join(" · ")}
      </Typography>
    </Box>
  );
  const content = (
    <>
      <TriedOnImage garment={garment} size={64} />
      {words}
    </>
  );
  const row = { display: "flex", gap: 1.5, alignItems: "center", py: 1 };
  return isPrivate || garment.id === null ? (
    <Box component="li" sx={row}>
      {content}
    </Box>
  ) : (
    <li>
      <Box
        component={LinkBase}
        to={`/${garment.kind === "item" ? "wardrobe_items" : "products"}/${garment.id}/show`}
        sx={{ ...row, color: "inherit", textDecoration: "none" }}
      >
        {content}
      </Box>
    </li>
  );
};

const Related = ({ job }: { job: TryonPage }) => {
  const translate = useTranslate();
  const { jobs } = useJobScope();
  const { data } = useGetList<TryonJob>(
    jobs,
    {
      pagination: { page: 1, perPage: 1 },
      sort: { field: "id", order: "ASC" },
      filter: { retryOf: job.id },
      meta: { total: false, columns: ["retryOf"] },
    },
    { enabled: job.status === "failed" || job.status === "expired" },
  );
  const again = data?.[0]?.id;
  const links: [string, string][] = [
    ...(job.retryOf === null
      ? []
      : [["tryons.repeats", job.retryOf] as [string, string]]),
    ...(again === undefined
      ? []
      : [["tryons.repeated_by", again] as [string, string]]),
  ];
  if (links.length === 0) return null;
  return (
    <Box sx={{ display: "flex", gap: 2.5, flexWrap: "wrap" }}>
      {links.map(([label, id]) => (
        <LinkBase
          key={label}
          to={`/${jobs}/${id}/show`}
          style={{ color: "inherit" }}
        >
          <Typography component="span" variant="body2">
            {translate(label)}
          </Typography>
        </LinkBase>
      ))}
    </Box>
  );
};

const JobFacts = ({ job }: { job: TryonPage }) => {
  const translate = useTranslate();
  const locale = useLocale();
  const { eyes } = useJobScope();
  const { labelOf } = useCategories();
  const costOf = useCost();
  const facts: [string, ReactNode][] = [
    ["tryons.fields.categoryCode", labelOf(job.categoryCode)],
    ["tryons.fields.cost", costOf(job)],
    [
      "tryons.fields.attempt",
      translate("tryons.attempts_used", {
        attempt: job.attempt,
        of: job.maxAttempts,
      }),
    ],
    ["tryons.asked", <RelativeTime key="q" value={job.queuedAt} />],
  ];
  if (job.finishedAt !== null) {
    facts.push([
      "tryons.ended",
      <RelativeTime key="f" value={job.finishedAt} />,
    ]);
  }
  if (job.processingMs !== null) {
    facts.push([
      "tryons.fields.processingMs",
      formatDuration(job.processingMs, locale),
    ]);
  }
  if (job.confidence !== null) {
    facts.push([
      "tryons.fields.confidence",
      formatPercent(job.confidence, locale),
    ]);
  }
  if (eyes === "brand") {
    facts.push([
      "tryons.shopper",
      job.shopper == null ? (
        translate("tryons.by_brand")
      ) : (
        <LinkBase
          key="s"
          to={`/brand_tryon_jobs?${new URLSearchParams({ show: "list", filter: JSON.stringify({ shopper: job.shopper }) }).toString()}`}
          style={{ color: "inherit" }}
        >
          {shortHandle(job.shopper)}
        </LinkBase>
      ),
    ]);
  }
  if (eyes === "staff") {
    facts.push(
      [
        "tryons.shopper",
        job.userId == null ? (
          translate("tryons.by_brand")
        ) : (
          <LinkBase
            key="u"
            to={`/users/${job.userId}/show`}
            style={{ color: "inherit" }}
          >
            {job.user?.displayName || job.user?.email || job.userId}
          </LinkBase>
        ),
      ],
      [
        "tryons.fields.brandId",
        job.brandId === null ? null : (
          <LinkBase
            key="b"
            to={`/brands/${job.brandId}/show`}
            style={{ color: "inherit" }}
          >
            {job.brand?.name ?? job.brandId}
          </LinkBase>
        ),
      ],
    );
  }
  if (job.deviceFamily !== null || job.appVersion !== null) {
    facts.push([
      "tryons.fields.deviceFamily",
      [
        job.deviceFamily === null
          ? null
          : translate(`tryons.device.${job.deviceFamily}`, {
              _: job.deviceFamily,
            }),
        job.appVersion,
      ]
        .filter(Boolean)
        .join(" · "),
    ]);
  }
  return <Facts facts={facts} />;
};

const Credits = ({ job }: { job: TryonPage }) => {
  const translate = useTranslate();
  const { eyes } = useJobScope();
  const { mayRead, ledger, isPending } = useLedger(job.id);
  const nameOf = useWalletName();
  if (!mayRead) return null;
  return (
    <Panel title={translate("tryons.credits_title")}>
      {isPending ? null : ledger.entries.length === 0 ? (
        <Typography variant="body2" color="textSecondary">
          {translate(
            job.payer === "pro"
              ? "tryons.no_ledger_pro"
              : job.payer === "user" && eyes === "brand"
                ? "tryons.no_ledger_shopper"
                : "tryons.no_ledger",
          )}
        </Typography>
      ) : (
        <LedgerEntries entries={ledger.entries} wallet={nameOf(job)} />
      )}
    </Panel>
  );
};

export const JobShow = () => {
  const { id = "" } = useParams<{ id: string }>();
  const translate = useTranslate();
  const { can } = useSession();
  const { jobs, eyes } = useJobScope();
  const { labelOf } = useCategories();
  const nameOf = useGarmentNames();
  const { data: job, error } = useJob(id);
  if (error) return <NotFoundPage />;
  if (job === undefined) {
    return <RecordPending title="tryons.one" />;
  }
  return (
    <RecordPage
      title="tryons.one"
      back={{ to: `/${jobs}`, label: "tryons.all" }}
      above={<JobStatusChip status={job.status} />}
      heading={nameOf(job.garments, labelOf(job.categoryCode))}
      below={
        <>
          <NextStep job={job} />
          <Box sx={{ mt: 1 }}>
            <Related job={job} />
          </Box>
        </>
      }
      action={<JobActions job={job} />}
    >
      <Box
        sx={{
          display: "grid",
          gap: 2.5,
          alignItems: "start",
          gridTemplateColumns: {
            xs: "minmax(0, 1fr)",
            md: "minmax(0, 5fr) minmax(0, 6fr)",
          },
        }}
      >
        <Box sx={{ display: "grid", gap: 2.5 }}>
          <JobResult job={job} />
          {eyes === "shopper" &&
            job.status === "completed" &&
            can("tryon_ratings", "create") && <JobRating job={job} />}
          <Panel title={translate("tryons.garments")}>
            <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
              {job.garments.map((garment, index) => (
                <Garment key={garment.id ?? index} garment={garment} />
              ))}
            </Box>
          </Panel>
        </Box>
        <Box sx={{ display: "grid", gap: 2.5 }}>
          <Panel title={translate("tryons.timeline.title")}>
            <JobTimeline job={job} />
          </Panel>
          <Credits job={job} />
          <Panel title={translate("tryons.details")}>
            <JobFacts job={job} />
          </Panel>
        </Box>
      </Box>
    </RecordPage>
  );
};
