import AddIcon from "@mui/icons-material/Add";
import TableRowsIcon from "@mui/icons-material/TableRowsOutlined";
import BoardIcon from "@mui/icons-material/ViewKanbanOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Card from "@mui/material/Card";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Typography from "@mui/material/Typography";
import { useEffect, useRef } from "react";
import {
  LinkBase,
  ListBase,
  Pagination,
  Title,
  useListContext,
  useStore,
  useTranslate,
} from "react-admin";
import { useLocation } from "react-router";

import { EmptyState } from "../components/EmptyState.tsx";
import { ListContent } from "../components/ListFrame.tsx";
import { formatCount } from "../format.ts";
import { useSession } from "../useSession.ts";
import { JobBoard } from "./JobBoard.tsx";
import { jobColumns } from "./jobColumns.ts";
import { JobFilters } from "./JobFilters.tsx";
import { JobTable } from "./JobTable.tsx";
import type { TryonJob } from "./types.ts";
import { useJobScope } from "./useJobScope.ts";

type View = "list" | "board";
const CAP = 10_000;

/** Remembered, and named by the address where somebody shared it: `?show=board`. */
const useView = (): [View, (view: View) => void] => {
  const { key, search } = useLocation();
  const [stored, setStored] = useStore<View>("tryon_jobs.view", "list");
  const asked = new URLSearchParams(search).get("show");
  const named = asked === "board" || asked === "list" ? asked : null;
  // Once for each time the address is opened: the buttons decide afterwards.
  const opened = useRef<string | null>(null);
  useEffect(() => {
    if (named === null || opened.current === key) return;
    opened.current = key;
    setStored(named);
  }, [key, named, setStored]);
  return [stored, setStored];
};

const ViewToggle = ({
  view,
  onChange,
}: {
  view: View;
  onChange: (view: View) => void;
}) => {
  const translate = useTranslate();
  return (
    <ToggleButtonGroup
      exclusive
      size="small"
      value={view}
      onChange={(_event, next: View | null) => {
        if (next !== null) onChange(next);
      }}
      aria-label={translate("tryons.view")}
    >
      <ToggleButton value="list" sx={{ gap: 0.75, px: 1.5 }}>
        <TableRowsIcon fontSize="small" />
        {translate("tryons.list")}
      </ToggleButton>
      <ToggleButton value="board" sx={{ gap: 0.75, px: 1.5 }}>
        <BoardIcon fontSize="small" />
        {translate("tryons.board")}
      </ToggleButton>
    </ToggleButtonGroup>
  );
};

const NewButton = () => {
  const translate = useTranslate();
  const { jobs } = useJobScope();
  return (
    <Button
      variant="contained"
      component={LinkBase}
      to={`/${jobs}/create`}
      startIcon={<AddIcon />}
    >
      {translate("tryons.new")}
    </Button>
  );
};

const JobsEmpty = () => {
  const translate = useTranslate();
  const { can } = useSession();
  const { jobs, eyes } = useJobScope();
  const mayAsk = can(jobs, "create");
  return (
    <EmptyState
      category="dresses"
      color="rose"
      title={translate("tryons.empty_title")}
      body={translate(
        mayAsk ? `tryons.empty_body_${eyes}` : "tryons.empty_body_reader",
      )}
      action={mayAsk && <NewButton />}
    />
  );
};

/** How many the filter leaves, as far as it is worth counting. */
const Counted = () => {
  const translate = useTranslate();
  const { meta, total } = useListContext();
  const count = (
    meta as { count?: { value: number; capped: boolean } } | undefined
  )?.count;
  const value = count?.value ?? total;
  if (value === undefined) return null;
  return (
    <Typography
      variant="body2"
      color="textSecondary"
      sx={{ mb: 1, fontVariantNumeric: "tabular-nums" }}
    >
      {translate("tryons.count", {
        smart_count: value,
        count: `${formatCount(value)}${count?.capped === true ? "+" : ""}`,
      })}
    </Typography>
  );
};

const JobsView = ({
  view,
  onView,
}: {
  view: View;
  onView: (view: View) => void;
}) => {
  const translate = useTranslate();
  const { can } = useSession();
  const { jobs } = useJobScope();
  const { data, isPending, filterValues } = useListContext<TryonJob>();
  const isEmpty =
    view === "list" &&
    !isPending &&
    data?.length === 0 &&
    Object.keys(filterValues ?? {}).length === 0;
  return (
    <>
      <Title title={translate("tryons.many")} />
      <Box
        sx={{
          display: "flex",
          flexWrap: "wrap",
          gap: 1,
          mb: 2,
          alignItems: "center",
          justifyContent: "space-between",
        }}
      >
        <ViewToggle view={view} onChange={onView} />
        {can(jobs, "create") && !isEmpty && <NewButton />}
      </Box>
      {isEmpty ? (
        <JobsEmpty />
      ) : (
        <>
          <JobFilters isBoard={view === "board"} />
          {view === "board" ? (
            <JobBoard />
          ) : (
            <>
              <Counted />
              <Card sx={{ overflow: "hidden" }}>
                <ListContent category="dresses">
                  <Box sx={{ overflowX: "auto" }}>
                    <JobTable />
                  </Box>
                </ListContent>
              </Card>
              <Pagination rowsPerPageOptions={[25, 50, 100]} />
            </>
          )}
        </>
      )}
    </>
  );
};

export const JobList = () => {
  const { eyes } = useJobScope();
  const [view, setView] = useView();
  return (
    <ListBase<TryonJob>
      perPage={25}
      sort={{ field: "id", order: "DESC" }}
      exporter={false}
      queryOptions={{
        enabled: view === "list",
        meta: {
          keyset: true,
          count: { cap: CAP },
          columns: jobColumns[eyes],
        },
      }}
    >
      <JobsView view={view} onView={setView} />
    </ListBase>
  );
};
