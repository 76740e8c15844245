/** What is read of an event; its payload is large, and read where it is shown. */
export const eventColumns = [
  "rowId",
  "type",
  "objectId",
  "status",
  "livemode",
  "attempts",
  "duplicates",
  "lastError",
  "created",
  "receivedAt",
  "processedAt",
  "nextAttemptAt",
];
