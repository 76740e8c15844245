/** What lists of movements read; whose they are has one of four names. */
export const movementColumns = [
  "account",
  "brandId",
  "subscriptionId",
  "occurredAt",
  "kind",
  "deltaUsdMinor",
  "beforeUsdMinor",
  "afterUsdMinor",
  "isTransfer",
  "sourceEventId",
  "brand.name",
  "accountByAccount.user.displayName",
  "accountByAccount.user.email",
  "accountByAccount.customer.name",
  "accountByAccount.customer.email",
];
