/**
 * Tables whose hand-written pages have another name than the table. All else about
 * them (fields, rights, relations, how they are searched) the catalogue says.
 */
export const pageNames: Readonly<Record<string, string>> = {
  brand_accounts: "brands",
  brand_invitations: "invitations",
  brand_people: "members",
  import_runs: "imports",
  staff_members: "staff",
};
