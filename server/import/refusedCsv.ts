import type { Pool } from "pg";

import type { Actor } from "../auth/actor.ts";
import { csvField } from "../csvField.ts";
import { withActor } from "../db/withActor.ts";
import type { ImportRun } from "./importRun.ts";

const PAGE_ROWS = 1_000;

type Refusal = {
  line_no: number;
  field: string;
  reason: string;
  fields: string[];
};

/**
 * The refused rows of a run as CSV: where, which field, why, and the row as it
 * stood in the file. Pages by key instead of one long query, so that a slow
 * reader holds no transaction open.
 */
export async function* refusedCsv(
  app: Pool,
  actor: Actor,
  run: Pick<ImportRun, "id" | "header">,
): AsyncGenerator<string, void, undefined> {
  yield csvLine(["line", "field", "reason", ...run.header]);
  let after = 0;
  for (;;) {
    const rows = await withActor(app, actor, async (client) => {
      const page = await client.query<Refusal>(
        `select line_no, field, reason, fields
           from app_public.import_refusals
          where run_id = $1 and line_no > $2
          order by line_no
          limit $3`,
        [run.id, after, PAGE_ROWS],
      );
      return page.rows;
    });
    if (rows.length > 0) {
      yield rows
        .map((row) =>
          csvLine([String(row.line_no), row.field, row.reason, ...row.fields]),
        )
        .join("");
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) return;
    after = last.line_no;
  }
}

function csvLine(fields: readonly string[]): string {
  return `${fields.map(csvField).join(",")}\r\n`;
}
