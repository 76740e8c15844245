import UploadFileIcon from "@mui/icons-material/UploadFileOutlined";
import IconButton from "@mui/material/IconButton";
import Tooltip from "@mui/material/Tooltip";
import { LinkBase, useTranslate } from "react-admin";

import type { AdminResource } from "../catalog/adopt.ts";
import { useCatalog } from "../catalog/CatalogContext.tsx";
import { useSession } from "../useSession.ts";
import { isImportable } from "./targets.ts";

/** From a list to the import into its table, for whoever may add to it. */
export const ImportLink = ({ resource }: { resource: AdminResource }) => {
  const translate = useTranslate();
  const { can, session } = useSession();
  if (!can("imports", "create") || !isImportable(resource, session)) {
    return null;
  }
  return (
    <Tooltip title={translate("imports.into_list")}>
      <IconButton
        component={LinkBase}
        to={`/imports/create?target=${encodeURIComponent(resource.table)}`}
        aria-label={translate("imports.into_list")}
      >
        <UploadFileIcon />
      </IconButton>
    </Tooltip>
  );
};

/** The same on a page that knows its table by name only. */
export const TableImportLink = ({ table }: { table: string }) => {
  const resource = useCatalog().resources.find(
    (found) => found.table === table,
  );
  return resource === undefined ? null : <ImportLink resource={resource} />;
};
