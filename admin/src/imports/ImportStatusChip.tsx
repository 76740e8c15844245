import { useTranslate } from "react-admin";

import { StatusChip } from "../components/StatusChip.tsx";
import type { ImportRun } from "./types.ts";
import { toneOf } from "./types.ts";

export const ImportStatusChip = ({
  run,
}: {
  run: Pick<ImportRun, "status" | "dryRun">;
}) => {
  const translate = useTranslate();
  const status = translate(`imports.status.${run.status}`);
  return (
    <StatusChip
      tone={toneOf[run.status]}
      label={run.dryRun ? translate("imports.status_dry", { status }) : status}
    />
  );
};
