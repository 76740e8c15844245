import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import type { Theme } from "@mui/material/styles";
import useMediaQuery from "@mui/material/useMediaQuery";
import type { ReactElement, ReactNode } from "react";
import type { ListProps } from "react-admin";
import {
  List,
  Pagination,
  useListContext,
  useResourceContext,
  useTranslate,
} from "react-admin";

import { useCatalog } from "../catalog/CatalogContext.tsx";
import { PageSkeleton } from "../layout/Layout.tsx";
import { useOpeningView } from "../savedViews/useOpeningView.ts";
import { EmptyState } from "./EmptyState.tsx";
import { ListError } from "./ListError.tsx";

export const useIsPhone = () =>
  useMediaQuery<Theme>((theme) => theme.breakpoints.down("sm"), {
    noSsr: true,
  });

const NoResults = ({ category }: { category: string }) => {
  const translate = useTranslate();
  const { setFilters } = useListContext();
  return (
    <EmptyState
      dense
      category={category}
      title={translate("lists.none_match")}
      body={translate("lists.none_match_body")}
      action={
        <Button variant="outlined" onClick={() => setFilters({}, [])}>
          {translate("lists.clear_filters")}
        </Button>
      }
    />
  );
};

/** Shows the rows, or says that the filter leaves none, or why they cannot be read. */
export const ListContent = ({
  category,
  children,
}: {
  category: string;
  children: ReactNode;
}) => {
  const { isPending, total, data, error } = useListContext();
  if (error && data === undefined) return <ListError error={error} />;
  if (!isPending && (total === 0 || data?.length === 0)) {
    return <NoResults category={category} />;
  }
  return children;
};

/** Which rows these are; nothing where they could not be read. */
export const ListPages = ({ sizes }: { sizes: number[] }) => {
  const { error, data } = useListContext();
  return error && data === undefined ? null : (
    <Pagination rowsPerPageOptions={sizes} />
  );
};

/** The frame every list shares; it opens with the view the person has. */
export const ListFrame = ({
  children,
  category,
  ...props
}: ListProps & {
  children: ReactNode;
  category: string;
  empty?: ReactElement | false;
}) => {
  const name = useResourceContext(props) ?? "";
  const table = useCatalog().byName.get(name)?.table ?? name;
  const isOpen = useOpeningView(name, table);
  if (!isOpen) return <PageSkeleton />;
  return (
    <List
      perPage={25}
      exporter={false}
      pagination={<ListPages sizes={[25, 50, 100]} />}
      {...props}
    >
      <ListContent category={category}>
        <Box sx={{ overflowX: "auto" }}>{children}</Box>
      </ListContent>
    </List>
  );
};
