import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { DataTable, LinkBase, useListContext, useTranslate } from "react-admin";

import { useIsPhone } from "../components/ListFrame.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { useCategories } from "../components/useLookups.ts";
import { formatCount } from "../format.ts";
import { JobThumb, useGarmentNames } from "./JobPictures.tsx";
import { JobStatusChip } from "./JobStatusChip.tsx";
import type { TryonJob } from "./types.ts";
import { isOver, shortHandle } from "./types.ts";
import { useErrorWords } from "./useErrorWords.ts";
import { useJobScope } from "./useJobScope.ts";
import { useTriedOn } from "./useTriedOn.ts";

/** Whose credits, as the one who looks would say it. */
export const useCost = () => {
  const translate = useTranslate();
  const { eyes } = useJobScope();
  return (job: Pick<TryonJob, "payer" | "cost">) =>
    job.payer === "pro"
      ? translate("tryons.cost_pro")
      : translate("tryons.cost_by", {
          smart_count: job.cost,
          payer: translate(`tryons.payer.${eyes}.${job.payer}`),
        });
};

const ShopperLink = ({ handle }: { handle: string | null | undefined }) => {
  const translate = useTranslate();
  if (handle == null) {
    return (
      <Typography variant="body2" color="textSecondary">
        {translate("tryons.by_brand")}
      </Typography>
    );
  }
  return (
    <LinkBase
      to={`/brand_tryon_jobs?filter=${encodeURIComponent(JSON.stringify({ shopper: handle }))}`}
      onClick={(event: { stopPropagation: () => void }) =>
        event.stopPropagation()
      }
      style={{ color: "inherit", fontVariantNumeric: "tabular-nums" }}
    >
      {shortHandle(handle)}
    </LinkBase>
  );
};

const Cost = ({ job }: { job: TryonJob }) => {
  const translate = useTranslate();
  const { eyes } = useJobScope();
  return (
    <Box sx={{ whiteSpace: "nowrap" }}>
      {translate("tryons.credits", {
        smart_count: job.cost,
        count: formatCount(job.cost),
      })}
      <Typography
        variant="caption"
        color="textSecondary"
        sx={{ display: "block" }}
      >
        {translate(`tryons.payer.${eyes}.${job.payer}`)}
      </Typography>
    </Box>
  );
};

/** When it ended, or how long it waits. */
const Ended = ({ job }: { job: TryonJob }) => {
  const translate = useTranslate();
  if (isOver(job.status)) return <RelativeTime value={job.finishedAt} />;
  return (
    <Typography variant="body2" color="textSecondary" component="span">
      {translate(`tryons.not_over.${job.status}`)}
    </Typography>
  );
};

export const JobTable = () => {
  const isPhone = useIsPhone();
  const translate = useTranslate();
  const { jobs, eyes } = useJobScope();
  const { data } = useListContext<TryonJob>();
  const triedOn = useTriedOn((data ?? []).map(({ id }) => id));
  const { labelOf } = useCategories();
  const nameOf = useGarmentNames();
  const wordsOf = useErrorWords();
  if (isPhone) {
    return (
      <PhoneList<TryonJob>
        to={(job) => `/${jobs}/${job.id}/show`}
        picture={(job) => <JobThumb garments={triedOn.get(job.id)} size={56} />}
        primary={(job) =>
          nameOf(triedOn.get(job.id), labelOf(job.categoryCode))
        }
        secondary={(job) => (
          <>
            {labelOf(job.categoryCode)} · <RelativeTime value={job.queuedAt} />
          </>
        )}
        aside={(job) => <JobStatusChip status={job.status} />}
      />
    );
  }
  return (
    <DataTable<TryonJob> rowClick="show" bulkActionButtons={false}>
      <DataTable.Col<TryonJob>
        source="categoryCode"
        label="tryons.tried_on"
        disableSort
        render={(job) => (
          <Box
            sx={{
              display: "flex",
              alignItems: "center",
              gap: 1.75,
              minWidth: eyes === "staff" ? 170 : 220,
            }}
          >
            <JobThumb garments={triedOn.get(job.id)} />
            <Box sx={{ minWidth: 0 }}>
              <RowLink to={`/${jobs}/${job.id}/show`}>
                <Typography variant="subtitle2">
                  {nameOf(triedOn.get(job.id), labelOf(job.categoryCode))}
                </Typography>
              </RowLink>
              <Typography variant="caption" color="textSecondary">
                {labelOf(job.categoryCode)}
              </Typography>
            </Box>
          </Box>
        )}
      />
      <DataTable.Col<TryonJob>
        source="status"
        label="tryons.fields.status"
        disableSort
        render={(job) => (
          <Box sx={{ minWidth: 116 }}>
            <JobStatusChip status={job.status} />
            {job.errorCode !== null && (
              <Typography
                variant="caption"
                color="textSecondary"
                sx={{ display: "block", mt: 0.25 }}
              >
                {wordsOf(job.errorCode).title}
              </Typography>
            )}
          </Box>
        )}
      />
      {eyes === "staff" && (
        <DataTable.Col<TryonJob>
          source="user.displayName"
          label="tryons.shopper"
          disableSort
          render={(job) =>
            job.user?.displayName ||
            job.user?.email || (
              <Typography variant="body2" color="textSecondary">
                {translate("tryons.by_brand")}
              </Typography>
            )
          }
        />
      )}
      {eyes === "staff" && (
        <DataTable.Col<TryonJob>
          source="brand.name"
          label="tryons.fields.brandId"
          disableSort
          render={(job) => job.brand?.name ?? "–"}
        />
      )}
      {eyes === "brand" && (
        <DataTable.Col<TryonJob>
          source="shopper"
          label="tryons.shopper"
          disableSort
          render={(job) => <ShopperLink handle={job.shopper} />}
        />
      )}
      <DataTable.Col<TryonJob>
        source="cost"
        label="tryons.fields.cost"
        disableSort
        render={(job) => <Cost job={job} />}
      />
      <DataTable.Col<TryonJob>
        source="id"
        label="tryons.asked"
        sortByOrder="DESC"
        render={(job) => <RelativeTime value={job.queuedAt} />}
      />
      <DataTable.Col<TryonJob>
        source="finishedAt"
        label="tryons.ended"
        disableSort
        render={(job) => <Ended job={job} />}
      />
    </DataTable>
  );
};
