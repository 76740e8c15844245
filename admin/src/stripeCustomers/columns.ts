/** What is read of a customer, with the name of whom it belongs to. */
export const customerColumns = [
  "rowId",
  "email",
  "name",
  "brandId",
  "userId",
  "currency",
  "deleted",
  "created",
  "brand.name",
  "user.displayName",
  "user.email",
];
