import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "@jest/globals";

import { canAccess } from "../../admin/src/canAccess.ts";
import type { AppRole } from "../../admin/src/session.ts";

type Rights = {
  select?: boolean;
  insert?: string[];
  update?: string[];
  delete?: boolean;
};
type Access = {
  relations: Record<string, { rights?: Record<string, Rights> }>;
  functions: Record<string, { execute: string[] }>;
};

/** Generated from the database's catalogue: what each role may really do. */
const access = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../data/access.json"), "utf8"),
) as Access;

const roles: AppRole[] = [
  "anonymous",
  "user",
  "viewer",
  "analyst",
  "manager",
  "brand_owner",
  "staff_support",
  "staff_finance",
  "staff_privacy",
  "staff_admin",
];

const tables: Record<string, string> = {
  products: "products",
  members: "brand_people",
  invitations: "brand_invitations",
  imports: "import_runs",
  category_mappings: "category_mappings",
  wardrobe_items: "wardrobe_items",
  brands: "brand_accounts",
  users: "users",
  staff: "staff_members",
  audit_log: "audit_log",
  tryon_jobs: "tryon_jobs",
  brand_tryon_jobs: "brand_tryon_jobs",
  tryon_ratings: "tryon_feedback",
  tryon_ledger: "credit_transfers",
  billing: "subscription_grants",
  billing_account: "stripe_invoices",
};
const rights = {
  list: "select",
  show: "select",
  create: "insert",
  edit: "update",
  delete: "delete",
} as const;

/** Where a page writes through a function, or through the table behind a view. */
const functions: Record<string, string> = {
  "invitations create": "invite_member",
  "imports create": "start_import",
  "wardrobe_access create": "break_glass_wardrobe",
  "password_resets create": "issue_password_reset_link",
  "tryon_jobs create": "request_tryon",
  "brand_tryon_jobs create": "request_brand_tryon",
  "tryon_repeats create": "retry_tryon",
  "tryon_refunds create": "refund_tryon",
};

function allows(
  role: AppRole,
  resource: string,
  action: keyof typeof rights,
): boolean {
  const called = functions[`${resource} ${action}`];
  if (called !== undefined) {
    const [, it] =
      Object.entries(access.functions).find(([name]) =>
        name.startsWith(`app_public.${called}(`),
      ) ?? [];
    return it?.execute.includes(`closetai_${role}`) ?? false;
  }
  const writesMembers =
    resource === "members" && (action === "edit" || action === "delete");
  const table = writesMembers ? "brand_members" : tables[resource];
  const granted =
    access.relations[`app_public.${table}`]?.rights?.[`closetai_${role}`];
  return Boolean(granted?.[rights[action]]);
}

describe("canAccess", () => {
  it("offers nobody what the database refuses the role", () => {
    const refused: string[] = [];
    for (const role of roles) {
      for (const resource of [
        ...Object.keys(tables),
        "wardrobe_access",
        "password_resets",
        "tryon_repeats",
        "tryon_refunds",
      ]) {
        for (const action of Object.keys(rights) as (keyof typeof rights)[]) {
          if (resource === "password_resets" && action === "list") continue;
          if (
            canAccess(role, { resource, action }) &&
            !allows(role, resource, action)
          ) {
            refused.push(`${role} ${action} ${resource}`);
          }
        }
      }
    }
    expect(refused).toEqual([]);
  });

  it("gives a manager the catalogue to write and an analyst to read", () => {
    const may = (role: AppRole, action: string) =>
      canAccess(role, { resource: "products", action });
    expect(
      ["list", "show", "create", "edit", "delete"].map((a) =>
        may("manager", a),
      ),
    ).toEqual([true, true, true, true, true]);
    expect(
      ["list", "show", "create", "edit", "delete"].map((a) =>
        may("analyst", a),
      ),
    ).toEqual([true, true, false, false, false]);
  });

  it("shows wardrobes to their shoppers only", () => {
    expect(
      roles.filter((role) =>
        canAccess(role, { resource: "wardrobe_items", action: "list" }),
      ),
    ).toEqual(["user"]);
  });

  it("shows what a plan grants to every member, and money to who pays", () => {
    const may = (resource: string) =>
      roles.filter((role) => canAccess(role, { resource, action: "show" }));
    expect(may("billing")).toEqual([
      "user",
      "viewer",
      "analyst",
      "manager",
      "brand_owner",
    ]);
    expect(may("billing_account")).toEqual(["user", "brand_owner"]);
  });

  it("knows no resource by accident", () => {
    for (const resource of [
      "constructor",
      "__proto__",
      "toString",
      "nothing",
    ]) {
      expect(canAccess("staff_admin", { resource, action: "list" })).toBe(
        false,
      );
    }
  });

  it("lets nobody in who is not signed in", () => {
    for (const resource of Object.keys(tables)) {
      for (const action of Object.keys(rights)) {
        expect(canAccess("anonymous", { resource, action })).toBe(false);
      }
    }
  });
});
