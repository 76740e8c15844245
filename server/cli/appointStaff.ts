import { Command, Option } from "commander";

import { newToken } from "../auth/token.ts";
import { parseConfig } from "../config.ts";
import { withClient } from "../db/clients.ts";
import { openDatabase } from "../db/connect.ts";
import { errorMessage } from "../db/errorCode.ts";
import type { Log } from "../db/log.ts";
import { migrate } from "../db/migrate.ts";
import { toPublicError } from "../errors.ts";
import { loadConstraintErrors } from "../errors/constraints.ts";
import { resetLink } from "../mail/messages.ts";

const STAFF_ROLES = ["support", "finance", "privacy", "admin"] as const;

const program = new Command()
  .name("staff")
  .description(
    "Makes a person staff of ClosetAI, and prints a link, good for one hour, with\n" +
      "which the person sets a password. The way to the first account of a new\n" +
      "installation. An address that has an account keeps it.",
  )
  .argument("<email>", "the person's address")
  .addOption(
    new Option("--role <role>", "what the person may do")
      .choices(STAFF_ROLES)
      .default("admin"),
  );

/** Standard output is the link. */
const log: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: (message) => console.error(message),
  error: (message) => console.error(message),
};

async function appoint(email: string, role: string): Promise<void> {
  const config = parseConfig(process.env);
  const database = await openDatabase(config, log, {
    whenInUse: "join",
    purpose: "npm run staff",
  });
  try {
    await migrate(database.urls, log);
    const { token, hash } = newToken();
    await withClient(database.urls.owner, async (owner) => {
      const words = await loadConstraintErrors(owner);
      await owner
        .query("select app_private.appoint_staff($1, $2, $3)", [
          email,
          role,
          hash,
        ])
        .catch((error: unknown) => {
          const { code, message, hint } = toPublicError(error, words);
          // What is nobody's mistake is told as it is: a developer reads it.
          if (code === "FAULT") throw error;
          throw new Error(
            `${email}: ${[message.replace(/\.$/, ""), hint].filter(Boolean).join(". ")}`,
            { cause: error },
          );
        });
    });
    console.log(`${email} is staff (${role}). Set a password here:`);
    console.log(resetLink(config.rootUrl, token));
  } finally {
    await database.close();
  }
}

program.parse();
const [email = ""] = program.args;
appoint(email, program.opts<{ role: string }>().role).catch(
  (error: unknown) => {
    console.error(errorMessage(error));
    process.exitCode = 1;
  },
);
