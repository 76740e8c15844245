import { DataTable, useTranslate } from "react-admin";

import { directoryFilters, DirectoryRows } from "../components/Directory.tsx";
import { ListFrame } from "../components/ListFrame.tsx";
import { ListTools } from "../components/ListTools.tsx";
import { PersonCell } from "../components/PersonCell.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { UserRecord } from "./types.ts";

export const UserStatus = ({ user }: { user: UserRecord }) => (
  <StatusChip
    tone={
      user.status === "active"
        ? "success"
        : user.status === "suspended"
          ? "warning"
          : "quiet"
    }
    label={`users.status.${user.status}`}
  />
);

const UserRows = () => (
  <DirectoryRows<UserRecord>
    to={(user) => `/users/${user.id}/show`}
    nameSource="displayName"
    name={(user) => user.displayName || user.email}
    detail={(user) => user.email}
    cell={(user) => (
      <RowLink to={`/users/${user.id}/show`}>
        <PersonCell name={user.displayName} email={user.email} />
      </RowLink>
    )}
    status={(user) => <UserStatus user={user} />}
    canSortStatus={false}
  >
    <DataTable.Col<UserRecord>
      source="lastLoginAt"
      disableSort
      render={(user) => <RelativeTime value={user.lastLoginAt} />}
    />
  </DirectoryRows>
);

export const UserList = () => {
  const translate = useTranslate();
  const statuses = ["active", "suspended", "erased"].map((id) => ({
    id,
    name: translate(`users.status.${id}`),
  }));
  return (
    <ListFrame
      category="tops"
      actions={<ListTools />}
      empty={false}
      sort={{ field: "createdAt", order: "DESC" }}
      filters={directoryFilters(translate("users.search"), statuses)}
    >
      <UserRows />
    </ListFrame>
  );
};
