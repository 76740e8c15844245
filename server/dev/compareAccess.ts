import type { Access } from "../db/describeAccess.ts";
import { type Change, keysOf } from "./changes.ts";

type Relation = Access["relations"][string];
type Rights = Relation["rights"][string];
type Policy = Relation["policies"][number];

const VERBS = ["select", "insert", "update", "delete"] as const;

/** Who may do more, who may do less, and which rules read differently. */
export function compareAccess(before: Access, after: Access): Change[] {
  return [
    ...compareRoles(before.roles, after.roles),
    ...keysOf(before.relations, after.relations).flatMap((name) =>
      compareRelation(
        shortName(name),
        before.relations[name],
        after.relations[name],
        after.roles,
      ),
    ),
    ...compareFunctions(before.functions, after.functions),
  ];
}

function compareRelation(
  name: string,
  before: Relation | undefined,
  after: Relation | undefined,
  roles: Access["roles"],
): Change[] {
  if (after === undefined) {
    const held = Object.keys(before?.rights ?? {});
    return held.length === 0
      ? []
      : [
          {
            sign: "-",
            text: `${name}: everything, for ${roleNames(held)}`,
            tone: "narrowed",
          },
        ];
  }
  return [
    ...compareRowSecurity(name, before, after),
    ...compareRights(name, before?.rights ?? {}, after.rights),
    ...comparePolicies(name, before?.policies ?? [], after.policies),
    ...compareHalves(name, before, after, roles),
  ];
}

/**
 * A right needs a grant and a policy. One without the other is no error and
 * gives nothing, which is hard to see from outside: told when it comes about.
 */
function compareHalves(
  name: string,
  before: Relation | undefined,
  after: Relation,
  roles: Access["roles"],
): Change[] {
  const known = before === undefined ? [] : halves(before, roles);
  return halves(after, roles)
    .filter((text) => !known.includes(text))
    .map((text) => ({ sign: "~", text: `${name}: ${text}`, tone: "notable" }));
}

function halves(relation: Relation, roles: Access["roles"]): string[] {
  if (relation.kind === "view" || !relation.rowSecurity) return [];
  const permissive = relation.policies.filter(
    ({ kind }) => kind === "permissive",
  );
  return VERBS.flatMap((verb) => {
    const granted = keysOf(relation.rights).filter(
      (role) => relation.rights[role]?.[verb] !== undefined,
    );
    const policies = permissive.filter((policy) =>
      ["all", verb].includes(policy.verb),
    );
    const idle = granted.filter(
      (role) =>
        !policies.some((policy) =>
          policy.roles.some((one) => has(role, one, roles)),
        ),
    );
    // A policy for everything need not be used for everything.
    const vain = policies.filter(
      (policy) =>
        policy.verb !== "all" &&
        !granted.some((role) =>
          policy.roles.some((one) => has(role, one, roles)),
        ),
    );
    return [
      ...(idle.length === 0
        ? []
        : [
            `${verb} for ${roleNames(idle)} is granted, but no policy lets a row through`,
          ]),
      ...vain.map(
        (policy) =>
          `policy ${policy.name} has no effect: no ${verb} is granted to ${roleNames(policy.roles)}`,
      ),
    ];
  });
}

/** Whether a role has what is given to another: itself, or inherited. */
function has(role: string, other: string, roles: Access["roles"]): boolean {
  return (
    other === "public" ||
    role === other ||
    (roles[role]?.inherits ?? []).some((one) => has(one, other, roles))
  );
}

function compareRowSecurity(
  name: string,
  before: Relation | undefined,
  after: Relation,
): Change[] {
  if (after.kind === "view") return compareViewRights(name, before, after);
  if (before === undefined) {
    return after.rowSecurity
      ? []
      : [
          {
            sign: "+",
            text: `${name}: has no row-level security; every row is open to whoever holds a grant`,
            tone: "widened",
          },
        ];
  }
  if (before.rowSecurity === after.rowSecurity) return [];
  return after.rowSecurity
    ? [{ sign: "~", text: `${name}: row-level security on`, tone: "narrowed" }]
    : [{ sign: "~", text: `${name}: row-level security OFF`, tone: "widened" }];
}

function compareViewRights(
  name: string,
  before: Relation | undefined,
  after: Relation,
): Change[] {
  const was = before?.ownersRights === true;
  const is = after.ownersRights === true;
  if (was === is) return [];
  return is
    ? [
        {
          sign: before === undefined ? "+" : "~",
          text: `${name}: reads with its owner's rights, so no policy holds behind it; with (security_invoker = true) those of whoever asks do`,
          tone: "widened",
        },
      ]
    : [
        {
          sign: "~",
          text: `${name}: reads with the rights of whoever asks`,
          tone: "narrowed",
        },
      ];
}

/** Roles whose right changed in the same way share a line. */
function compareRights(
  name: string,
  before: Relation["rights"],
  after: Relation["rights"],
): Change[] {
  const rolesOf = new Map<string, string[]>();
  const note = (key: string, role: string) =>
    rolesOf.set(key, [...(rolesOf.get(key) ?? []), role]);
  for (const role of keysOf(before, after)) {
    for (const verb of VERBS) {
      const was = columnsOf(before[role], verb);
      const is = columnsOf(after[role], verb);
      const more = is.filter((column) => !was.includes(column));
      const less = was.filter((column) => !is.includes(column));
      if (more.length > 0) note(`+${rightName(verb, more)}`, role);
      if (less.length > 0) note(`-${rightName(verb, less)}`, role);
    }
  }
  return [...rolesOf].map(([key, roles]) => {
    const more = key.startsWith("+");
    return {
      sign: more ? "+" : "-",
      text: `${name}: ${key.slice(1)} for ${roleNames(roles)}`,
      tone: more ? "widened" : "narrowed",
    };
  });
}

/** A right on the whole table is one nameless column. */
function columnsOf(
  rights: Rights | undefined,
  verb: (typeof VERBS)[number],
): string[] {
  const held = rights?.[verb];
  if (held === undefined) return [];
  return held === true ? [""] : held;
}

function rightName(verb: string, columns: readonly string[]): string {
  const [first] = columns;
  return first === "" ? verb : `${verb} (${columns.join(", ")})`;
}

function comparePolicies(
  name: string,
  before: readonly Policy[],
  after: readonly Policy[],
): Change[] {
  const was = Object.fromEntries(before.map((one) => [one.name, one]));
  const is = Object.fromEntries(after.map((one) => [one.name, one]));
  return keysOf(was, is).flatMap((key): Change[] => {
    const from = was[key];
    const to = is[key];
    const text = `${name}: policy ${key}`;
    if (from === undefined && to !== undefined) {
      // A restrictive policy takes rows away from those the others give.
      const opens = to.kind === "permissive";
      return [
        {
          sign: "+",
          text: `${text} ${describePolicy(to)}`,
          tone: opens ? "widened" : "narrowed",
        },
      ];
    }
    if (to === undefined && from !== undefined) {
      const opened = from.kind === "permissive";
      return [
        {
          sign: "-",
          text: `${text} ${describePolicy(from)}`,
          tone: opened ? "narrowed" : "widened",
        },
      ];
    }
    if (from === undefined || to === undefined) return [];
    if (describePolicy(from) === describePolicy(to)) return [];
    return [
      {
        sign: "~",
        text: `${text}: ${differences(from, to).join("; ")}`,
        tone: changeOf(from, to),
      },
    ];
  });
}

function describePolicy(policy: Policy): string {
  return [
    policy.kind === "restrictive" ? "(restrictive)" : "",
    `for ${policy.verb} to ${roleNames(policy.roles)}`,
    policy.using === null ? "" : `using ${brackets(policy.using)}`,
    policy.check === null ? "" : `with check ${brackets(policy.check)}`,
  ]
    .filter((part) => part !== "")
    .join(" ");
}

function differences(from: Policy, to: Policy): string[] {
  const parts: [string, string | null, string | null][] = [
    ["kind", from.kind, to.kind],
    ["for", from.verb, to.verb],
    ["to", roleNames(from.roles), roleNames(to.roles)],
    ["using", from.using, to.using],
    ["with check", from.check, to.check],
  ];
  return parts
    .filter(([, was, is]) => was !== is)
    .map(
      ([what, was, is]) => `${what} ${was ?? "nothing"} → ${is ?? "nothing"}`,
    );
}

/** What is certain; which of two conditions lets more through, a person must judge. */
function changeOf(from: Policy, to: Policy): Change["tone"] {
  // A fence that becomes a gate opens twice: what it held back, and what it gives.
  if (from.kind !== to.kind) {
    return to.kind === "permissive" ? "widened" : "narrowed";
  }
  const restrictive = to.kind === "restrictive";
  // A fence around fewer roles and verbs holds back less.
  const reach = [
    growth(rolesOf(from), rolesOf(to)),
    growth(verbsOf(from), verbsOf(to)),
  ].map((one) => (restrictive ? -one : one));
  const all = [...reach, opening(from, to)].filter((one) => one !== 0);
  if (all.length > 0 && all.every((one) => one > 0)) return "widened";
  if (all.length > 0 && all.every((one) => one < 0)) return "narrowed";
  return "notable";
}

/** 1 where a condition is gone, -1 where one came, 0 where none changed. */
function opening(from: Policy, to: Policy): number {
  if (from.using === to.using && from.check === to.check) return 0;
  const open = (policy: Policy) =>
    [policy.using, policy.check].every(
      (text) => text === null || text === "true",
    );
  if (open(from) === open(to)) return NaN;
  return open(to) ? 1 : -1;
}

const EVERYBODY = "public";
const rolesOf = ({ roles }: Policy): readonly string[] | null =>
  roles.includes(EVERYBODY) ? null : roles;
const verbsOf = ({ verb }: Policy): readonly string[] | null =>
  verb === "all" ? null : [verb];

/** 1 where a set grew, -1 where it shrank, NaN where it did both; null has all. */
function growth(
  from: readonly string[] | null,
  to: readonly string[] | null,
): number {
  const within = (
    inner: readonly string[] | null,
    outer: readonly string[] | null,
  ) =>
    outer === null ||
    (inner !== null && inner.every((one) => outer.includes(one)));
  const grew = within(from, to);
  const shrank = within(to, from);
  if (grew && shrank) return 0;
  if (grew) return 1;
  return shrank ? -1 : NaN;
}

function brackets(text: string): string {
  return text.startsWith("(") ? text : `(${text})`;
}

function compareRoles(
  before: Access["roles"],
  after: Access["roles"],
): Change[] {
  return keysOf(before, after).flatMap((role) =>
    (["inherits", "mayBecome"] as const).flatMap((how): Change[] => {
      const was = before[role]?.[how] ?? [];
      const is = after[role]?.[how] ?? [];
      const what = how === "inherits" ? "inherits" : "may become";
      const more = is.filter((one) => !was.includes(one));
      const less = was.filter((one) => !is.includes(one));
      const line = (
        sign: "+" | "-",
        roles: readonly string[],
        tone: Change["tone"],
      ): Change[] =>
        roles.length === 0
          ? []
          : [
              {
                sign,
                text: `${roleNames([role])} ${what} ${roleNames(roles)}`,
                tone,
              },
            ];
      return [...line("+", more, "widened"), ...line("-", less, "narrowed")];
    }),
  );
}

function compareFunctions(
  before: Access["functions"],
  after: Access["functions"],
): Change[] {
  return keysOf(before, after).flatMap((key): Change[] => {
    const was = before[key];
    const is = after[key];
    const name = shortName(key);
    const more = (is?.execute ?? []).filter(
      (role) => !was?.execute.includes(role),
    );
    const less = (was?.execute ?? []).filter(
      (role) => !is?.execute.includes(role),
    );
    const changes: Change[] = [];
    if (was && is && was.security !== is.security) {
      const definer = is.security === "definer";
      changes.push({
        sign: "~",
        text: `${name}: runs with the rights of its ${definer ? "owner" : "caller"}`,
        tone: definer ? "widened" : "narrowed",
      });
    }
    if (more.length > 0) {
      const how = is?.security === "definer" ? ", with its owner's rights" : "";
      changes.push({
        sign: "+",
        text: `${name}: execute for ${roleNames(more)}${how}`,
        tone: "widened",
      });
    }
    if (less.length > 0) {
      changes.push({
        sign: "-",
        text: `${name}: execute for ${roleNames(less)}`,
        tone: "narrowed",
      });
    }
    return changes;
  });
}

function shortName(name: string): string {
  return name.replace(/^app_public\./, "");
}

function roleNames(roles: readonly string[]): string {
  return roles.map((role) => role.replace(/^closetai_/, "")).join(", ");
}
