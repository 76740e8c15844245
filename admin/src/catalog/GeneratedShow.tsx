import Box from "@mui/material/Box";
import Card from "@mui/material/Card";
import Tab from "@mui/material/Tab";
import Tabs from "@mui/material/Tabs";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useId, useState } from "react";
import {
  DeleteButton,
  EditButton,
  ShowBase,
  useRecordContext,
  useTranslate,
} from "react-admin";

import { HistoryPanel } from "../history/HistoryPanel.tsx";
import { PageSkeleton } from "../layout/Layout.tsx";
import { RowActions } from "./actions/RowActions.tsx";
import type { AdminResource } from "./adopt.ts";
import { useCatalog, useCatalogResource } from "./CatalogContext.tsx";
import { RecordTitle, useEditColumns } from "./GeneratedEdit.tsx";
import { Details } from "./show/Details.tsx";
import { RelatedList, useRelatedCount } from "./show/RelatedList.tsx";
import type { CatalogRelated } from "./types.ts";

/** The verbs and actions this role has for one record. */
export const ShowActions = ({ resource }: { resource: AdminResource }) => {
  const record = useRecordContext();
  if (record === undefined) return null;
  return (
    <Box
      sx={{
        display: "flex",
        flexWrap: "wrap",
        gap: 1,
        justifyContent: "flex-end",
        alignItems: "center",
        mb: 1.5,
        minHeight: 36,
      }}
    >
      <RowActions resource={resource} />
      {resource.verbs.delete && <DeleteButton mutationMode="pessimistic" />}
      {resource.verbs.update && <EditButton variant="contained" />}
    </Box>
  );
};

const RelatedLabel = ({ related }: { related: CatalogRelated }) => {
  const count = useRelatedCount(related);
  return (
    <span>
      {related.label}
      {count !== "" && (
        <Typography
          component="span"
          variant="caption"
          color="textSecondary"
          sx={{ ml: 0.75 }}
        >
          {count}
        </Typography>
      )}
    </span>
  );
};

type Section = { key: string; label: ReactNode; content: ReactNode };

/** A record's details, the rows that point at it, and its history. */
export const ShowTabs = ({
  resource,
  details,
}: {
  resource: AdminResource;
  /** In place of every field in the catalogue's order. */
  details?: ReactNode;
}) => {
  const translate = useTranslate();
  const catalog = useCatalog();
  const record = useRecordContext();
  const id = useId();
  const [chosen, setChosen] = useState("details");
  if (record === undefined) return <PageSkeleton />;
  const sections: Section[] = [
    {
      key: "details",
      label: translate("catalog.details"),
      content: details ?? <Details resource={resource} record={record} />,
    },
    ...resource.related.flatMap((related) => {
      const target = catalog.byName.get(related.resource);
      if (target === undefined || target.hidden || !target.verbs.list)
        return [];
      return [
        {
          key: `${related.resource}.${related.field}`,
          label: <RelatedLabel related={related} />,
          content: <RelatedList related={related} resource={target} />,
        },
      ];
    }),
    ...(resource.kind === "table"
      ? [
          {
            key: "history",
            label: translate("catalog.history"),
            content: <HistoryPanel resource={resource} record={record} />,
          },
        ]
      : []),
  ];
  const section = sections.find(({ key }) => key === chosen) ?? sections[0];
  return (
    <Card sx={{ overflow: "hidden" }}>
      <Tabs
        value={section?.key ?? false}
        onChange={(_event, key: string) => setChosen(key)}
        variant="scrollable"
        scrollButtons="auto"
        allowScrollButtonsMobile
        aria-label={translate("catalog.sections")}
        sx={{
          borderBottom: 1,
          borderColor: "divider",
          px: { xs: 0.5, sm: 1.5 },
        }}
      >
        {sections.map(({ key, label }) => (
          <Tab
            key={key}
            value={key}
            label={label}
            id={`${id}-tab-${key}`}
            aria-controls={`${id}-panel`}
          />
        ))}
      </Tabs>
      <Box
        role="tabpanel"
        id={`${id}-panel`}
        aria-labelledby={`${id}-tab-${section?.key ?? ""}`}
        sx={{ p: { xs: 2, sm: 3 } }}
      >
        {section?.content}
      </Box>
    </Card>
  );
};

/** The page of one record of any table. */
export const GeneratedShow = () => {
  const resource = useCatalogResource();
  const columns = useEditColumns(resource);
  return (
    <ShowBase queryOptions={{ meta: { columns } }}>
      <RecordTitle resource={resource} />
      <ShowActions resource={resource} />
      <ShowTabs resource={resource} />
    </ShowBase>
  );
};
