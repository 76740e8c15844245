import { StatusChip } from "../components/StatusChip.tsx";
import type { EventStatus } from "./types.ts";
import { eventTone } from "./types.ts";

export const EventStatusChip = ({ status }: { status: EventStatus }) => (
  <StatusChip tone={eventTone(status)} label={`inbox.status.${status}`} />
);
