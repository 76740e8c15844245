import type { ReactElement, ReactNode } from "react";
import type { RaRecord } from "react-admin";
import { DataTable, SearchInput, SelectInput } from "react-admin";

import { useIsPhone } from "./ListFrame.tsx";
import { PhoneList } from "./PhoneList.tsx";
import { RelativeTime } from "./RelativeTime.tsx";

type Entry = RaRecord & { createdAt: string };

/**
 * The rows of a directory, of brands or of people: who, in which state, since
 * when. Other columns stand between state and date.
 */
export const DirectoryRows = <One extends Entry>({
  to,
  nameSource,
  name,
  detail,
  cell,
  status,
  canSortStatus = true,
  children,
}: {
  to: (record: One) => string;
  /** The column that holds the name, by which the list can be sorted. */
  nameSource: string;
  name: (record: One) => ReactNode;
  detail: (record: One) => ReactNode;
  /** Name, linked, and detail in the table; on a phone they are two lines. */
  cell: (record: One) => ReactNode;
  status: (record: One) => ReactNode;
  canSortStatus?: boolean;
  children: ReactNode;
}) => {
  const isPhone = useIsPhone();
  if (isPhone) {
    return (
      <PhoneList<One>
        to={to}
        primary={name}
        secondary={detail}
        aside={status}
      />
    );
  }
  return (
    <DataTable<One> rowClick="show" bulkActionButtons={false}>
      <DataTable.Col source={nameSource} render={cell} />
      <DataTable.Col
        source="status"
        disableSort={!canSortStatus}
        render={status}
      />
      {children}
      <DataTable.Col
        source="createdAt"
        render={(record: One) => <RelativeTime value={record.createdAt} />}
      />
    </DataTable>
  );
};

/** A directory is searched by name and narrowed by state. */
export const directoryFilters = (
  placeholder: string,
  statuses: { id: string; name: string }[],
): ReactElement[] => [
  <SearchInput
    key="q"
    source="q"
    alwaysOn
    placeholder={placeholder}
    sx={{ minWidth: { xs: "100%", sm: 280 } }}
  />,
  <SelectInput
    key="status"
    source="status"
    alwaysOn
    choices={statuses}
    sx={{ minWidth: { xs: "100%", sm: 160 } }}
  />,
];
