import { useTranslate } from "react-admin";

import { Figure } from "../components/Figure.tsx";
import { useAggregates } from "../components/useAggregates.ts";
import { formatCount } from "../format.ts";
import { useJobScope } from "../tryonJobs/useJobScope.ts";
import { useSession } from "../useSession.ts";
import { listLink } from "./CategoryPanel.tsx";

const DAY = 86_400;
const ACTIVE = { status: ["queued", "processing"] };
const COMPLETED = { status: "completed", "id@within": DAY };
const FAILED = { status: ["failed", "expired"], "id@within": DAY };

const WaitingFigure = () => {
  const translate = useTranslate();
  const { jobs } = useJobScope();
  const { data, isPending } = useAggregates(jobs, { filter: ACTIVE });
  const { data: running } = useAggregates(jobs, {
    filter: { status: "processing" },
  });
  return (
    <Figure
      label={translate("tryons.home.waiting")}
      definition={translate("tryons.home.waiting_definition")}
      to={listLink(jobs, ACTIVE)}
      value={data?.total}
      isPending={isPending}
      detail={
        running &&
        translate("tryons.home.waiting_detail", {
          count: formatCount(running.total),
        })
      }
    />
  );
};

const CompletedFigure = () => {
  const translate = useTranslate();
  const { jobs } = useJobScope();
  const { data, isPending } = useAggregates(jobs, { filter: COMPLETED });
  const { data: failed } = useAggregates(jobs, { filter: FAILED });
  return (
    <Figure
      label={translate("tryons.home.completed")}
      definition={translate("tryons.home.completed_definition")}
      to={listLink(jobs, COMPLETED)}
      value={data?.total}
      isPending={isPending}
      detail={
        failed &&
        translate("tryons.home.failed_detail", {
          count: formatCount(failed.total),
        })
      }
    />
  );
};

/** How try-ons stand, for whoever may list them; each leads to its rows. */
export const TryonFigures = () => {
  const { can } = useSession();
  const { jobs } = useJobScope();
  if (!can(jobs, "list")) return null;
  return (
    <>
      <WaitingFigure />
      <CompletedFigure />
    </>
  );
};
