import Box from "@mui/material/Box";
import { useTranslate } from "react-admin";

import { Figure } from "../components/Figure.tsx";
import { jobsLink } from "../wallet/jobLinks.ts";
import type { Queue } from "./operationsApi.ts";
import { formatSpan } from "./words.ts";

/** The queue at this moment; each figure leads to the jobs it counts. */
export const QueueFigures = ({
  queue,
  isPending,
}: {
  queue: Queue | undefined;
  isPending: boolean;
}) => {
  const translate = useTranslate();
  const now = queue?.asOf ?? "";
  const figures: [string, number | string | null | undefined, string][] = [
    [
      "waiting",
      queue?.waiting,
      jobsLink({ status: "queued", "runAfter@lte": now }),
    ],
    [
      "oldest",
      queue?.oldestWaitingSeconds == null
        ? queue && "–"
        : formatSpan(queue.oldestWaitingSeconds, 1),
      jobsLink({ status: "queued", "runAfter@lte": now }),
    ],
    [
      "delayed",
      queue?.delayed,
      jobsLink({ status: "queued", "runAfter@gt": now }),
    ],
    ["running", queue?.running, jobsLink({ status: "processing" })],
    [
      "silent",
      queue?.silent,
      jobsLink({ status: "processing", "lockedUntil@lte": now }),
    ],
  ];
  return (
    <Box
      sx={{
        display: "grid",
        gap: { xs: 1.25, sm: 2 },
        gridTemplateColumns: {
          xs: "repeat(2, minmax(0,1fr))",
          md: "repeat(3, minmax(0,1fr))",
          lg: "repeat(5, minmax(0,1fr))",
        },
      }}
    >
      {figures.map(([name, value, to]) => (
        <Figure
          key={name}
          label={translate(`operations.${name}`)}
          definition={translate(`operations.${name}_definition`)}
          to={to}
          value={value}
          isPending={isPending}
          detail={translate(`operations.${name}_detail`)}
        />
      ))}
    </Box>
  );
};
