import PauseIcon from "@mui/icons-material/PauseOutlined";
import PlayIcon from "@mui/icons-material/PlayArrowOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { Title, useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { DeniedPage } from "../layout/ErrorPage.tsx";
import { useSession } from "../useSession.ts";
import { FailuresPanel } from "./FailuresPanel.tsx";
import type { Window } from "./operationsApi.ts";
import { REFRESH_MS, useQueue, WINDOWS } from "./operationsApi.ts";
import { QueueFigures } from "./QueueFigures.tsx";
import { SpeedPanel } from "./SpeedPanel.tsx";
import { ThroughputPanel } from "./ThroughputPanel.tsx";

const WindowChoice = ({
  value,
  onChange,
}: {
  value: Window;
  onChange: (minutes: Window) => void;
}) => {
  const translate = useTranslate();
  return (
    <ToggleButtonGroup
      exclusive
      size="small"
      value={value}
      onChange={(_event, minutes: Window | null) => {
        if (minutes !== null) onChange(minutes);
      }}
      aria-label={translate("operations.window")}
      sx={{ flexWrap: "wrap" }}
    >
      {WINDOWS.map((minutes) => (
        <ToggleButton key={minutes} value={minutes}>
          {translate(`operations.windows.${minutes}`)}
        </ToggleButton>
      ))}
    </ToggleButtonGroup>
  );
};

const Board = () => {
  const translate = useTranslate();
  const [isLive, setIsLive] = useState(true);
  const [minutes, setMinutes] = useState<Window>(1_440);
  const { data: queue, error, isPending } = useQueue(isLive);
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <Title title={translate("operations.title")} />
      <Box
        sx={{
          display: "flex",
          flexWrap: "wrap",
          alignItems: "center",
          columnGap: 2,
          rowGap: 0.5,
        }}
      >
        <Typography variant="body2" color="textSecondary">
          {isLive
            ? translate("operations.live", { seconds: REFRESH_MS / 1_000 })
            : translate("operations.paused")}
        </Typography>
        {queue && <AsOf at={queue.asOf} />}
        <Button
          size="small"
          startIcon={isLive ? <PauseIcon /> : <PlayIcon />}
          onClick={() => setIsLive(!isLive)}
        >
          {translate(isLive ? "operations.pause" : "operations.resume")}
        </Button>
      </Box>
      {error !== null && (
        <Alert severity="error" role="alert">
          {translate("operations.failed", {
            message: translate(error.message, { _: error.message }),
          })}
        </Alert>
      )}
      <QueueFigures queue={queue} isPending={isPending} />
      <ThroughputPanel isLive={isLive} />
      <WindowChoice value={minutes} onChange={setMinutes} />
      <Box
        sx={{
          display: "grid",
          gap: 2.5,
          alignItems: "start",
          gridTemplateColumns: {
            xs: "minmax(0, 1fr)",
            xl: "minmax(0, 1fr) minmax(0, 1fr)",
          },
        }}
      >
        <SpeedPanel minutes={minutes} isLive={isLive} />
        <FailuresPanel minutes={minutes} isLive={isLive} />
      </Box>
    </Box>
  );
};

/** What is going on right now, for staff who keep try-ons going. */
export const OperationsPage = () => {
  const { can } = useSession();
  return can("operations", "list") ? <Board /> : <DeniedPage />;
};
