/** What the trail shows of each event; the person's name is reckoned by the server. */
export const auditColumns = [
  "occurredAt",
  "actorKind",
  "actorName",
  "action",
  "tableName",
  "rowPk",
  "changedColumns",
  "diff",
  "reason",
  "requestId",
];
