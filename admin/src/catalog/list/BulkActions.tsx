import { BulkDeleteButton } from "react-admin";

import type { AdminResource } from "../adopt.ts";

/** Whether a selection of rows is good for anything. */
export const hasBulkActions = (resource: AdminResource): boolean =>
  resource.verbs.update ||
  resource.verbs.delete ||
  resource.actions.some(({ on }) => on === "selection");

/** What can be done with the chosen rows at once. */
export const BulkActions = ({ resource }: { resource: AdminResource }) => (
  <>{resource.verbs.delete && <BulkDeleteButton mutationMode="undoable" />}</>
);
