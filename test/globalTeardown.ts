import { discardEmbedded } from "../server/db/embedded.ts";
import { silentLog } from "../server/db/log.ts";
import { sharedServer } from "./helpers/testServer.ts";

export default async function globalTeardown(): Promise<void> {
  const { database, folder } = sharedServer;
  await database?.close();
  if (folder) await discardEmbedded(folder, silentLog);
}
