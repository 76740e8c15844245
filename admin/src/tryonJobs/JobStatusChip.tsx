import RunningIcon from "@mui/icons-material/AutorenewOutlined";
import BlockIcon from "@mui/icons-material/BlockOutlined";
import CheckIcon from "@mui/icons-material/CheckCircleOutlined";
import ErrorIcon from "@mui/icons-material/ErrorOutlineOutlined";
import HourglassIcon from "@mui/icons-material/HourglassEmptyOutlined";
import TimerOffIcon from "@mui/icons-material/TimerOffOutlined";
import type { ComponentType } from "react";

import { StatusChip } from "../components/StatusChip.tsx";
import type { TryonStatus } from "./types.ts";
import { toneOfStatus } from "./types.ts";

export const iconOfStatus: Readonly<Record<TryonStatus, ComponentType>> = {
  queued: HourglassIcon,
  processing: RunningIcon,
  completed: CheckIcon,
  failed: ErrorIcon,
  cancelled: BlockIcon,
  expired: TimerOffIcon,
};

export const JobStatusChip = ({ status }: { status: TryonStatus }) => (
  <StatusChip
    tone={toneOfStatus[status]}
    label={`tryons.status.${status}`}
    icon={iconOfStatus[status]}
  />
);
