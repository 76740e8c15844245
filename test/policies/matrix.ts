import type { ActorName } from "../helpers/actors.ts";
import { crowdNames } from "../helpers/world.ts";

/**
 * The access matrix, written by hand from the product's definition and never
 * from the policies: who may do what with which rows. What is not said here is
 * denied. Rows and actors are those of test/helpers/world.ts and actors.ts.
 *
 * Where it says more than the definition, or less, and why:
 * - brand_members has no insert: a membership comes from accepting an
 *   invitation, so that nobody is pulled into a brand without having said yes.
 * - users: a member of a brand also reads and edits the own row (the profile
 *   page); of the others they see brand_people only.
 * - brand_accounts: "all settable" are name, time zone and privacy floor; what
 *   a brand is entitled to is set by staff.
 * - staff_members: an admin cannot change or remove the own row, and the last
 *   admin cannot be changed or removed by another.
 * - import_runs: made by functions only, which also store the file the row
 *   names; a row written by hand would name any file. Shoppers and staff import
 *   too, each in the own name; staff see of a shopper's run that it was, and no
 *   line of it.
 * - currencies, category_defaults, category_mappings and import_refusals are
 *   additions: lookups are read, a brand's mappings are its managers' business,
 *   and refusals follow their run.
 * - tryon_feedback of a brand is counts per category, from 11 people on; a
 *   product or an item that was tried on is kept, so deleting it is refused.
 * - the partner is closed everywhere until the partner API exists.
 */

/** Rows by name; "row=code" where touching the row ends in that error. */
type Rows = readonly string[] | "all";

type Who<T> = readonly (readonly [readonly ActorName[], T])[];

export type Rules = {
  select?: Who<Rows>;
  insert?: {
    columns: Who<readonly string[]>;
    /** By the names of subjects.ts: whose attempt succeeds. */
    done: Record<string, readonly ActorName[]>;
    /** Whose attempt ends in another error than the policy's. */
    fails?: Record<string, Partial<Record<ActorName, string>>>;
  };
  update?: {
    columns: Who<readonly string[]>;
    rows: Record<string, Who<Rows>>;
  };
  delete?: Who<Rows>;
};

const everybody = [
  "anonymous",
  "shopper",
  "neighbour",
  "both off duty",
  "A.viewer",
  "A.analyst",
  "A.manager",
  "A.owner",
  "both in A",
  "B.viewer",
  "B.analyst",
  "B.manager",
  "B.owner",
  "both in B",
  "support",
  "finance",
  "privacy",
  "admin",
  "worker",
] as const satisfies readonly ActorName[];

const shoppers = ["shopper", "neighbour", "both off duty"] as const;
const inA = [
  "A.viewer",
  "A.analyst",
  "A.manager",
  "A.owner",
  "both in A",
] as const;
const inB = [
  "B.viewer",
  "B.analyst",
  "B.manager",
  "B.owner",
  "both in B",
] as const;
const managersOfA = ["A.manager", "A.owner"] as const;
const managersOfB = ["B.manager", "B.owner", "both in B"] as const;
const managers = [...managersOfA, ...managersOfB] as const;
const owners = ["A.owner", "B.owner"] as const;
const staff = ["support", "finance", "privacy", "admin"] as const;

const membersOfA = [
  "A+A.viewer",
  "A+A.analyst",
  "A+A.manager",
  "A+A.owner",
  "A+A.suspended",
  "A+both",
];
const membersOfB = [
  "B+B.viewer",
  "B+B.analyst",
  "B+B.manager",
  "B+B.owner",
  "B+both",
];
/** A view is changed by whoever saved it, and by nobody else. */
const ownViews: Who<Rows> = [
  [["A.viewer"], ["A.viewer's"]],
  [["A.analyst"], ["A.shared"]],
  // What a role opens with is the brand's: whoever manages it may change it.
  [["A.manager", "A.owner"], ["A.default"]],
  [["both in A"], []],
  [["B.viewer"], ["B.shared"]],
  [["B.analyst", "B.manager", "B.owner", "both in B"], []],
  [["shopper"], ["shopper's"]],
  [["neighbour"], []],
  [["both off duty"], ["both's"]],
  [["support"], ["support's"]],
  [["finance", "privacy", "admin"], []],
];
/** Whom a manager may change: viewers and analysts. */
const juniorsOfA = ["A+A.viewer", "A+A.analyst", "A+both"];
const juniorsOfB = ["B+B.viewer", "B+B.analyst"];

const filesOfA = ["A.image", "A.file", "A.selfie", "A.result"];
const filesOfB = ["B.image", "B.selfie"];
const productsOfA = ["A.tee", "A.draft"];
const productsOfB = ["B.tee", "B.draft"];
const itemsOfShopper = ["shopper.coat", "shopper.worn"];
/** What was tried on is part of a job: it is hidden, not deleted. */
const TRIED = "23001";

const analystsOfA = [
  "A.analyst",
  "A.manager",
  "A.owner",
  "both in A",
] as const satisfies readonly ActorName[];
const analystsOfB = [
  "B.analyst",
  "B.manager",
  "B.owner",
  "both in B",
] as const satisfies readonly ActorName[];

const jobsOfShopper = [
  "shopper's of A",
  "shopper's unrated",
  "shopper's of B",
  "shopper's own",
];
const jobsOfA = [
  "shopper's of A",
  "neighbour's of A",
  "A's own",
  "A's finished",
  ...crowdNames.A,
];
const jobsOfB = [
  "shopper's unrated",
  "shopper's of B",
  "neighbour's of B",
  "B's own",
  ...crowdNames.B,
];

/** Of a shopper's jobs, and of none for the reader outside its views. */
function ownJobs(shopper: Rows, neighbour: Rows): Who<Rows> {
  return [
    [["shopper"], shopper],
    [["neighbour"], neighbour],
    [["both off duty", "reader"], []],
  ];
}

/** The own wallet, that of the brand from analyst up, all for staff. */
function wallet(rows: {
  shopper: Rows;
  neighbour: Rows;
  both: Rows;
  A: Rows;
  B: Rows;
}): Who<Rows> {
  return [
    [["shopper"], rows.shopper],
    [["neighbour"], rows.neighbour],
    [["both off duty"], rows.both],
    [analystsOfA, rows.A],
    [analystsOfB, rows.B],
    [staff, "all"],
  ];
}

function numbered(owner: string, what: string, count: number): string[] {
  return Array.from(
    { length: count },
    (_, at) => `${owner}: ${what} ${at + 1}`,
  );
}

const accounts = (owner: string): string[] => [
  `${owner}: available`,
  `${owner}: held`,
];

function failing(rows: readonly string[], code: string): string[] {
  return rows.map((row) => `${row}=${code}`);
}

/** The own as a shopper, that of the brand as its owner, all for finance. */
const paidBy: Who<Rows> = [
  [["shopper"], ["shopper"]],
  [["neighbour", "both off duty"], []],
  [["A.owner"], ["A"]],
  [["B.owner"], ["B"]],
  [["finance"], "all"],
];
/** Revenue: the brand's own for its owner, all for finance. */
const revenue: Who<Rows> = paidBy.slice(2);
/**
 * What is sold to customers like them, what is made for them alone, and what they
 * have already ("a price", which is not sold). Prices and their products alike.
 */
const soldToShoppers = ["for shoppers", "for both", "credits"];
const soldToBrands = ["for brands", "for both", "credits"];
const sold: Who<Rows> = [
  [["shopper"], ["a price", ...soldToShoppers]],
  [["neighbour", "both off duty"], soldToShoppers],
  [["A.owner"], ["a price", "for A", "credits for A", ...soldToBrands]],
  [["B.owner"], ["a price", "for B", ...soldToBrands]],
  [["finance"], "all"],
];
const forFinance: Who<Rows> = [[["finance"], "all"]];

/** Everybody in a brand sees the own account and nobody else's. */
const ownAccount: Who<Rows> = [
  [["shopper"], ["shopper"]],
  [["neighbour"], ["neighbour"]],
  [["both off duty", "both in A", "both in B"], ["both"]],
  [["A.viewer"], ["A.viewer"]],
  [["A.analyst"], ["A.analyst"]],
  [["A.manager"], ["A.manager"]],
  [["A.owner"], ["A.owner"]],
  [["B.viewer"], ["B.viewer"]],
  [["B.analyst"], ["B.analyst"]],
  [["B.manager"], ["B.manager"]],
  [["B.owner"], ["B.owner"]],
];

/** Everybody but the erased, and ClosetAI's own people. */
const peopleOutside = [
  "A.viewer",
  "A.analyst",
  "A.manager",
  "A.owner",
  "A.suspended",
  "B.viewer",
  "B.analyst",
  "B.manager",
  "B.owner",
  "both",
  "C.owner",
  "shopper",
  "neighbour",
];
const colleagues = [...staff];

export const matrix: Record<string, Rules> = {
  "app_public.users": {
    // The reader shows members to each other through brand_people only: on its
    // own, without a brand role, the fence gives it nothing.
    select: [...ownAccount, [[...staff, "worker"], "all"], [["reader"], []]],
    update: {
      columns: [
        [
          [...shoppers, ...inA, ...inB],
          ["display_name", "timezone", "updated_at"],
        ],
        [["support"], ["status", "updated_at"]],
      ],
      rows: {
        "the name": ownAccount,
        // Who watches over support cannot be shut out by it.
        "the status to suspended": [
          [["support"], [...peopleOutside, ...failing(colleagues, "DNIED")]],
        ],
        // Erasure is a procedure, not a word in a column.
        "the status to erased": [
          [["support"], failing([...peopleOutside, ...colleagues], "refused")],
        ],
      },
    },
  },

  "app_public.staff_members": {
    select: [[["admin"], "all"]],
    insert: {
      columns: [[["admin"], ["user_id", "role"]]],
      done: { "a colleague": ["admin"] },
    },
    update: {
      columns: [[["admin"], ["role", "updated_at"]]],
      rows: { "the role": [[["admin"], ["support", "finance", "privacy"]]] },
    },
    delete: [[["admin"], ["support", "finance", "privacy"]]],
  },

  "app_public.brand_accounts": {
    select: [
      [inA, ["A"]],
      [inB, ["B"]],
      [[...staff, "worker"], "all"],
      // The floor under a brand's figures; without a brand role the fence holds.
      [["reader"], []],
    ],
    insert: {
      columns: [
        [
          staff,
          [
            "slug",
            "name",
            "timezone",
            "dataset_access",
            "custom_model_training",
            "k_min",
          ],
        ],
      ],
      done: { "a brand": staff },
    },
    update: {
      columns: [
        [
          ["A.manager", "B.manager", "both in B"],
          ["name", "timezone", "updated_at"],
        ],
        [owners, ["name", "timezone", "k_min", "updated_at"]],
        [
          staff,
          [
            "slug",
            "name",
            "status",
            "timezone",
            "dataset_access",
            "custom_model_training",
            "k_min",
            "updated_at",
          ],
        ],
      ],
      rows: {
        "the name": [
          [managersOfA, ["A"]],
          [managersOfB, ["B"]],
          [staff, "all"],
        ],
        "the privacy floor": [
          [["A.owner"], ["A"]],
          [["B.owner"], ["B"]],
          [staff, "all"],
        ],
        "the status": [[staff, "all"]],
      },
    },
  },

  "app_public.brand_members": {
    select: [
      [["shopper", "neighbour", "reader"], []],
      [["both off duty"], ["A+both", "B+both"]],
      [inA, membersOfA],
      [inB, membersOfB],
      [staff, "all"],
    ],
    update: {
      columns: [[managers, ["role", "updated_at"]]],
      rows: {
        "the role to analyst": [
          [["A.manager"], juniorsOfA],
          [["B.manager", "both in B"], juniorsOfB],
          // A brand never loses its last owner.
          [["A.owner"], lastOwner(membersOfA, "A+A.owner")],
          [["B.owner"], lastOwner(membersOfB, "B+B.owner")],
        ],
        "the role to manager": [
          [["A.manager"], failing(juniorsOfA, "refused")],
          [["B.manager", "both in B"], failing(juniorsOfB, "refused")],
          [["A.owner"], lastOwner(membersOfA, "A+A.owner")],
          [["B.owner"], lastOwner(membersOfB, "B+B.owner")],
        ],
      },
    },
    delete: [
      [["A.manager"], juniorsOfA],
      [["B.manager", "both in B"], juniorsOfB],
      [["A.owner"], lastOwner(membersOfA, "A+A.owner")],
      [["B.owner"], lastOwner(membersOfB, "B+B.owner")],
    ],
  },

  "app_public.brand_people": {
    select: [
      [inA, membersOfA],
      [inB, membersOfB],
      // Its owner, without a brand role of its own.
      [["reader"], []],
    ],
  },

  "app_public.brand_invitations": {
    select: [
      [inA, ["A.open viewer", "A.open owner", "A.accepted"]],
      [inB, ["B.open viewer", "B.open owner"]],
      [staff, "all"],
    ],
    insert: {
      columns: [[managers, ["brand_id", "email", "role", "invited_by"]]],
      done: {
        "a viewer's invitation to A": managersOfA,
        "a manager's invitation to A": ["A.owner"],
        "an owner's invitation to A": ["A.owner"],
        "an invitation to A in another's name": [],
        "a viewer's invitation to B": managersOfB,
        "an owner's invitation to B": ["B.owner"],
      },
    },
    update: {
      columns: [[managers, ["role", "expires_at", "updated_at"]]],
      rows: {
        "the end": [
          [["A.manager"], ["A.open viewer"]],
          [["A.owner"], ["A.open viewer", "A.open owner"]],
          [["B.manager", "both in B"], ["B.open viewer"]],
          [["B.owner"], ["B.open viewer", "B.open owner"]],
        ],
        "the role to manager": [
          [["A.manager"], ["A.open viewer=refused"]],
          [["A.owner"], ["A.open viewer", "A.open owner"]],
          [["B.manager", "both in B"], ["B.open viewer=refused"]],
          [["B.owner"], ["B.open viewer", "B.open owner"]],
        ],
      },
    },
    delete: [
      [["A.manager"], ["A.open viewer"]],
      [["A.owner"], ["A.open viewer", "A.open owner"]],
      [["B.manager", "both in B"], ["B.open viewer"]],
      [["B.owner"], ["B.open viewer", "B.open owner"]],
    ],
  },

  "app_public.currencies": { select: [[everybody, "all"]] },

  "app_public.wardrobe_categories": {
    select: [[everybody, "all"]],
    insert: {
      columns: [
        [
          staff,
          ["code", "label", "grp", "tracking", "sort", "active", "tryon_cost"],
        ],
      ],
      done: { "a category": staff },
    },
    update: {
      columns: [
        [
          staff,
          [
            "label",
            "grp",
            "tracking",
            "sort",
            "active",
            "tryon_cost",
            "updated_at",
          ],
        ],
      ],
      rows: {
        "the label": [[staff, "all"]],
        "the cost": [[staff, "all"]],
      },
    },
  },

  "app_public.category_defaults": {
    select: [[[...inA, ...inB, ...staff, "worker"], "all"]],
  },

  "app_public.category_mappings": {
    select: [
      [inA, ["A.mapping"]],
      [inB, ["B.mapping"]],
      [staff, "all"],
    ],
    insert: {
      columns: [[managers, ["brand_id", "label", "category_code"]]],
      done: { "a mapping of A": managersOfA, "a mapping of B": managersOfB },
    },
    update: {
      columns: [[managers, ["label", "category_code", "updated_at"]]],
      rows: {
        "the category": [
          [managersOfA, ["A.mapping"]],
          [managersOfB, ["B.mapping"]],
        ],
      },
    },
    delete: [
      [managersOfA, ["A.mapping"]],
      [managersOfB, ["B.mapping"]],
    ],
  },

  "app_public.storage_objects": {
    select: [
      [
        ["shopper"],
        ["shopper.selfie", "shopper.garment", "shopper.result", "shopper.file"],
      ],
      [["neighbour"], ["neighbour.selfie", "neighbour.result"]],
      [["both off duty"], []],
      [inA, filesOfA],
      [inB, filesOfB],
      [[...staff, "worker"], "all"],
    ],
    insert: {
      columns: [
        [
          [...shoppers, ...managers],
          [
            "key",
            "owner_user_id",
            "owner_brand_id",
            "kind",
            "content_type",
            "bytes",
          ],
        ],
      ],
      done: {
        "an own selfie": shoppers,
        "an own export": [],
        // Made by a function, after the bytes were seen.
        "an own import": [],
        "a selfie of the shopper": ["shopper"],
        "a garment of A": managersOfA,
        "an import of A": managersOfA,
        "a selfie of A": managersOfA,
        "an export of A": [],
        "a garment of B": managersOfB,
      },
    },
    update: {
      columns: [[["worker"], ["status", "retention_until", "updated_at"]]],
      rows: {
        "the status": [
          [
            ["worker"],
            [
              "A.file",
              // What a row names is not deleted; of a try-on, the selfie of one
              // that waits or runs.
              "A.image=INUSE",
              "B.image=INUSE",
              "A.selfie=INUSE",
              "B.selfie=INUSE",
              "neighbour.selfie=INUSE",
              "shopper.selfie=INUSE",
              "A.result",
              "shopper.result",
              "neighbour.result",
              "crowd.result",
              "shopper.garment",
              "shopper.file=INUSE",
            ],
          ],
        ],
      },
    },
  },

  "app_public.products": {
    select: [
      [
        ["anonymous", ...shoppers],
        // Not C.tee: that brand is suspended.
        ["A.tee", "B.tee"],
      ],
      [inA, productsOfA],
      [inB, productsOfB],
      [[...staff, "worker"], "all"],
    ],
    insert: {
      columns: [
        [
          managers,
          [
            "brand_id",
            "sku",
            "name",
            "category_code",
            "brand_label",
            "gender",
            "color",
            "season",
            "year",
            "usage",
            "tags",
            "price_minor",
            "currency",
            "image_key",
            "active",
          ],
        ],
      ],
      done: {
        "a product of A": managersOfA,
        "a product of B": managersOfB,
        "a product of A with an image of B": [],
      },
      fails: {
        "a product of A with an image of B": {
          "A.manager": "23503",
          "A.owner": "23503",
        },
      },
    },
    update: {
      columns: [
        [
          managers,
          [
            "sku",
            "name",
            "category_code",
            "brand_label",
            "gender",
            "color",
            "season",
            "year",
            "usage",
            "tags",
            "price_minor",
            "currency",
            "image_key",
            "active",
            "updated_at",
          ],
        ],
      ],
      rows: {
        "the name": [
          [managersOfA, productsOfA],
          [managersOfB, productsOfB],
        ],
      },
    },
    delete: [
      [managersOfA, [`A.tee=${TRIED}`, "A.draft"]],
      [managersOfB, [`B.tee=${TRIED}`, "B.draft"]],
    ],
  },

  // Nobody in a brand and nobody of the staff: they have break_glass_wardrobe.
  "app_public.wardrobe_items": {
    select: [
      [["shopper"], itemsOfShopper],
      [["neighbour"], ["neighbour.coat"]],
      [["both off duty"], []],
      [["worker"], "all"],
    ],
    insert: {
      columns: [
        [
          shoppers,
          [
            "user_id",
            "product_id",
            "category_code",
            "name",
            "brand_label",
            "color",
            "ai_tags",
            "color_tags",
            "image_key",
          ],
        ],
      ],
      done: {
        "an own item": shoppers,
        "an item of the shopper": ["shopper"],
        "an own item of a product that is on sale": shoppers,
        "an own item of a hidden product": [],
        "an own item with a selfie of the neighbour": [],
      },
      fails: {
        "an own item of a hidden product": {
          shopper: "NTFND",
          neighbour: "NTFND",
          "both off duty": "NTFND",
        },
        "an own item with a selfie of the neighbour": {
          // The own one is no picture of a garment.
          neighbour: "INVAL",
          shopper: "23503",
          "both off duty": "23503",
        },
      },
    },
    update: {
      columns: [
        [
          shoppers,
          [
            "product_id",
            "category_code",
            "name",
            "brand_label",
            "color",
            "ai_tags",
            "color_tags",
            "image_key",
            "deleted_at",
            "updated_at",
          ],
        ],
        [["worker"], ["ai_tags", "color_tags", "usage_count"]],
      ],
      rows: {
        "the name": [
          [["shopper"], itemsOfShopper],
          [["neighbour"], ["neighbour.coat"]],
          [["both off duty"], []],
        ],
        "the uses": [[["worker"], "all"]],
      },
    },
    delete: [
      [["shopper"], [`shopper.coat=${TRIED}`, "shopper.worn"]],
      [["neighbour"], ["neighbour.coat"]],
      [["both off duty"], []],
    ],
  },

  "app_public.item_embeddings": {
    select: [
      [["shopper"], ["shopper.coat"]],
      [["neighbour"], ["neighbour.coat"]],
      [["both off duty"], []],
      [["worker"], "all"],
    ],
    insert: {
      columns: [[shoppers, ["item_id", "user_id", "model", "embedding"]]],
      done: {
        "an own vector of the shopper's item": ["shopper"],
        "a vector for the shopper": ["shopper"],
      },
      fails: {
        "an own vector of the shopper's item": {
          neighbour: "23503",
          "both off duty": "23503",
        },
      },
    },
    update: {
      columns: [
        [
          [...shoppers, "worker"],
          ["model", "embedding", "updated_at"],
        ],
      ],
      rows: {
        "the model": [
          [["shopper"], ["shopper.coat"]],
          [["neighbour"], ["neighbour.coat"]],
          [["both off duty"], []],
          [["worker"], "all"],
        ],
      },
    },
    delete: [
      [["shopper"], ["shopper.coat"]],
      [["neighbour"], ["neighbour.coat"]],
      [["both off duty"], []],
    ],
  },

  "app_public.import_runs": {
    select: [
      [managersOfA, ["A.run"]],
      [managersOfB, ["B.run"]],
      // Not what the shopper imported when on the staff.
      [["shopper"], ["shopper.run"]],
      [["neighbour", "both off duty"], []],
      [staff, "all"],
    ],
  },

  "app_public.import_refusals": {
    select: [
      [managersOfA, ["A.refusal"]],
      [managersOfB, ["B.refusal"]],
      [["shopper"], ["shopper.refusal"]],
      [["neighbour", "both off duty"], []],
      // Not the lines of somebody's wardrobe.
      [
        ["support", "finance", "privacy"],
        ["A.refusal", "B.refusal"],
      ],
      [["admin"], ["A.refusal", "B.refusal", "admin.refusal"]],
    ],
  },

  "app_public.saved_views": {
    select: [
      [["A.viewer"], ["A.viewer's", "A.shared", "A.default"]],
      [
        ["A.analyst", "A.manager", "A.owner", "both in A"],
        ["A.shared", "A.default"],
      ],
      [inB, ["B.shared"]],
      [["shopper"], ["shopper's"]],
      [["neighbour"], []],
      [["both off duty"], ["both's"]],
      [["support"], ["support's"]],
      [["finance", "privacy", "admin"], []],
    ],
    insert: {
      columns: [
        [
          [...shoppers, ...inA, ...inB, ...staff],
          [
            "user_id",
            "brand_id",
            "resource",
            "name",
            "view",
            "is_shared",
            "default_for",
          ],
        ],
      ],
      done: {
        "an own view outside any brand": [...shoppers, ...staff],
        "an own view of A": inA,
        "an own view of A, shared": inA,
        // Whoever may write the brand's data sets what a role opens with.
        "a default of A": managersOfA,
        "a view of A in another's name": ["A.viewer"],
        "a shopper's view": ["shopper"],
        "an own view of B": inB,
      },
    },
    update: {
      columns: [
        [
          [...shoppers, ...inA, ...inB, ...staff],
          ["name", "view", "is_shared", "default_for", "updated_at"],
        ],
      ],
      rows: {
        "the name": ownViews,
        "the default": [
          [["A.viewer"], ["A.viewer's=refused"]],
          [["A.analyst"], ["A.shared=refused"]],
          [["A.manager", "A.owner"], ["A.default"]],
          [["both in A"], []],
          [["B.viewer"], ["B.shared=refused"]],
          [["B.analyst", "B.manager", "B.owner", "both in B"], []],
          // Outside a brand there is nobody to share with.
          [["shopper"], ["shopper's=23514"]],
          [["neighbour"], []],
          [["both off duty"], ["both's=23514"]],
          [["support"], ["support's=23514"]],
          [["finance", "privacy", "admin"], []],
        ],
      },
    },
    // And what was shared may be taken away.
    delete: [
      [["A.viewer"], ["A.viewer's"]],
      [["A.analyst"], ["A.shared"]],
      [
        ["A.manager", "A.owner"],
        ["A.shared", "A.default"],
      ],
      [["both in A"], []],
      [["B.viewer", "B.manager", "B.owner", "both in B"], ["B.shared"]],
      [["B.analyst"], []],
      [["shopper"], ["shopper's"]],
      [["neighbour"], []],
      [["both off duty"], ["both's"]],
      [["support"], ["support's"]],
      [["finance", "privacy", "admin"], []],
    ],
  },

  // Written by triggers and functions only, and never changed.
  "app_public.audit_log": {
    select: [
      [["A.owner"], ["A.event"]],
      [["B.owner"], ["B.event"]],
      [["admin"], "all"],
    ],
  },

  // Selfie and shopper stand in these: a brand has the views, nobody writes.
  "app_public.tryon_jobs": {
    select: [
      ...ownJobs(jobsOfShopper, ["neighbour's of A", "neighbour's of B"]),
      [[...staff, "worker"], "all"],
    ],
  },
  "app_public.tryon_job_garments": {
    select: [
      ...ownJobs(jobsOfShopper, ["neighbour's of A", "neighbour's of B"]),
      [[...staff, "worker"], "all"],
    ],
  },
  "app_public.tryon_job_attempts": {
    select: [
      ...ownJobs(["shopper's of A", "shopper's unrated"], ["neighbour's of A"]),
      [[...staff, "worker"], "all"],
    ],
  },
  "app_public.tryon_feedback": {
    select: [
      [["shopper"], ["shopper's of A"]],
      [["neighbour"], ["neighbour's of A"]],
      [["both off duty"], []],
      [staff, "all"],
    ],
    insert: {
      columns: [[shoppers, ["job_id", "user_id", "accurate", "rating"]]],
      done: {
        "an own rating of the shopper's try-on": ["shopper"],
        "an own rating of a try-on that waits": [],
        "a rating in the shopper's name": ["shopper"],
      },
      fails: {
        "an own rating of the shopper's try-on": {
          neighbour: "NTFND",
          "both off duty": "NTFND",
        },
        "an own rating of a try-on that waits": {
          shopper: "STATE",
          neighbour: "NTFND",
          "both off duty": "NTFND",
        },
      },
    },
    update: {
      columns: [[shoppers, ["accurate", "rating", "updated_at"]]],
      rows: {
        "the rating": [
          [["shopper"], ["shopper's of A"]],
          [["neighbour"], ["neighbour's of A"]],
          [["both off duty"], []],
        ],
      },
    },
  },
  "app_public.brand_tryon_jobs": {
    select: [
      [inA, jobsOfA],
      [inB, jobsOfB],
      [["reader"], []],
    ],
  },
  "app_public.brand_tryon_garments": {
    select: [
      [inA, jobsOfA],
      [inB, jobsOfB],
      [["reader"], []],
    ],
  },
  "app_public.brand_tryon_attempts": {
    select: [
      [
        inA,
        ["shopper's of A", "neighbour's of A", "A's finished", ...crowdNames.A],
      ],
      [inB, ["shopper's unrated", ...crowdNames.B]],
      [["reader"], []],
    ],
  },
  "app_public.tryon_feedback_figures": {
    select: [
      [staff, "all"],
      [["reader"], []],
    ],
  },
  "app_public.brand_tryon_feedback": {
    select: [
      [inA, ["A tops"]],
      [inB, ["B tops"]],
      [["reader"], []],
    ],
  },
  "app_public.worker_keys": { select: [[staff, "all"]] },
  "app_public.task_runs": { select: [[staff, "all"]] },

  "app_public.credit_accounts": {
    select: wallet({
      shopper: accounts("shopper"),
      neighbour: accounts("neighbour"),
      both: accounts("both"),
      A: accounts("A"),
      B: accounts("B"),
    }),
  },
  "app_public.credit_grants": {
    select: wallet({
      shopper: ["shopper: free_monthly"],
      neighbour: ["neighbour: free_monthly"],
      both: ["both: free_monthly"],
      A: ["A: promo"],
      B: ["B: promo"],
    }),
  },
  "app_public.credit_holds": {
    select: wallet({
      shopper: jobsOfShopper.map((job) => `shopper: hold ${job}`),
      neighbour: [
        "neighbour: hold neighbour's of A",
        "neighbour: hold neighbour's of B",
      ],
      both: [],
      A: ["A: hold A's own", "A: hold A's finished"],
      B: ["B: hold B's own"],
    }),
  },
  "app_public.credit_hold_lines": {
    select: wallet({
      shopper: numbered("shopper", "line", 4),
      neighbour: numbered("neighbour", "line", 2),
      both: [],
      A: numbered("A", "line", 2),
      B: numbered("B", "line", 1),
    }),
  },
  // One of each grant and hold, and one of each capture.
  "app_public.credit_transfers": {
    select: wallet({
      shopper: numbered("shopper", "transfer", 7),
      neighbour: numbered("neighbour", "transfer", 4),
      both: numbered("both", "transfer", 1),
      A: numbered("A", "transfer", 4),
      B: numbered("B", "transfer", 2),
    }),
  },
  "app_public.user_credits": {
    select: [
      [["shopper"], ["shopper"]],
      [["neighbour"], ["neighbour"]],
      [["both off duty"], ["both"]],
      [staff, "all"],
    ],
  },
  "app_public.brand_credits": {
    select: [
      [analystsOfA, ["A"]],
      [analystsOfB, ["B"]],
      [staff, "all"],
    ],
  },
  "app_public.user_entitlements": {
    select: [
      [["shopper", "both off duty"], []],
      [["neighbour"], ["neighbour.pro"]],
      [staff, "all"],
    ],
  },
  // Of billing only rates and costs are written by people; the rest by functions.
  "app_public.stripe_events": { select: forFinance },
  "app_public.stripe_customers": { select: paidBy },
  "app_public.stripe_subscriptions": { select: paidBy },
  "app_public.stripe_subscription_items": { select: paidBy },
  "app_public.stripe_invoices": { select: paidBy },
  "app_public.stripe_refunds": { select: paidBy },
  "app_public.stripe_products": { select: sold },
  "app_public.stripe_prices": { select: sold },
  "app_public.stripe_coupons": { select: paidBy },
  "app_public.stripe_discounts": { select: paidBy },
  "app_public.account_mrr": { select: revenue },
  "app_public.mrr_movements": { select: revenue },
  "app_public.mrr_movement_lines": { select: forFinance },
  "app_public.subscription_grants": {
    select: [
      [["shopper"], ["shopper"]],
      [["neighbour", "both off duty"], []],
      [inA, ["A"]],
      [inB, ["B"]],
      [staff, "all"],
    ],
  },
  "app_public.fx_rates": {
    select: [[["finance", "worker"], "all"]],
    insert: {
      columns: [
        [
          ["finance", "worker"],
          ["currency", "rate_date", "usd_per_unit"],
        ],
      ],
      done: { "a rate": ["finance", "worker"] },
    },
    update: {
      columns: [
        [
          ["finance", "worker"],
          ["usd_per_unit", "updated_at"],
        ],
      ],
      rows: { "the rate": [[["finance", "worker"], "all"]] },
    },
  },
  "app_public.acquisition_costs": {
    select: forFinance,
    insert: {
      columns: [
        [
          ["finance"],
          ["month", "segment", "brand_id", "spend_usd_minor", "gross_margin"],
        ],
      ],
      done: { "costs of a month": ["finance"] },
    },
    update: {
      columns: [
        [["finance"], ["spend_usd_minor", "gross_margin", "updated_at"]],
      ],
      rows: { "the amount": forFinance },
    },
  },
  "app_private.stripe_raw": {},
  "app_private.stripe_customer_owners": {},
  "app_private.stripe_payments": {},
  "app_private.published_feedback": {},
  "app_private.tryon_transitions": {},
  "app_private.shopper_handles": {},
  "app_private.worker_key_secrets": {},

  "app_private.settings": {},
  "app_private.partitioned_tables": {},
  "app_private.user_secrets": {},
  "app_private.sessions": {},
  "app_private.login_throttle": {},
  "app_private.password_resets": {},
  "app_private.password_reset_requests": {},
  "app_private.invitation_secrets": {},
  "app_private.idempotency_keys": {},

  // The staging of imports: COPY is refused under row-level security, so the
  // worker has it whole and nobody else has anything.
  "app_private.import_rows": {
    select: [[["worker"], "all"]],
    insert: {
      columns: [[["worker"], ["run_id", "line_no", "first_line", "fields"]]],
      done: { "a staged line": ["worker"] },
    },
    update: {
      columns: [[["worker"], ["run_id", "line_no", "first_line", "fields"]]],
      rows: { "the fields": [[["worker"], "all"]] },
    },
    delete: [[["worker"], "all"]],
  },
};

function lastOwner(members: readonly string[], owner: string): string[] {
  return members.map((member) =>
    member === owner ? `${member}=LASTO` : member,
  );
}

function found<T>(who: Who<T> | undefined, actor: ActorName): T | undefined {
  return who?.find(([names]) => names.includes(actor))?.[1];
}

/** Columns an actor may name; null where not even one. */
export function columnsFor(
  rules: Rules,
  verb: "insert" | "update",
  actor: ActorName,
): readonly string[] | null {
  return found(rules[verb]?.columns, actor) ?? null;
}

export function selectFor(rules: Rules, actor: ActorName): Rows | null {
  return found(rules.select, actor) ?? null;
}

export function updateFor(
  rules: Rules,
  update: string,
  actor: ActorName,
): Rows | null {
  return found(rules.update?.rows[update], actor) ?? null;
}

export function deleteFor(rules: Rules, actor: ActorName): Rows | null {
  return found(rules.delete, actor) ?? null;
}

/** "done", "refused" by a policy, "denied" for want of a grant, or a code. */
export function insertFor(
  rules: Rules,
  attempt: string,
  columns: readonly string[],
  actor: ActorName,
): string {
  if (rules.insert?.done[attempt]?.includes(actor)) return "done";
  const code = rules.insert?.fails?.[attempt]?.[actor];
  if (code !== undefined) return code;
  const granted = columnsFor(rules, "insert", actor);
  return columns.every((column) => granted?.includes(column))
    ? "refused"
    : "denied";
}
