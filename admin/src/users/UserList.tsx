import { DataTable, SearchInput, SelectInput, useTranslate } from "react-admin";

import { csvExporter } from "../components/exportCsv.ts";
import { ListFrame, useIsPhone } from "../components/ListFrame.tsx";
import { PersonCell } from "../components/PersonCell.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
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

const UserRows = () => {
  const isPhone = useIsPhone();
  if (isPhone) {
    return (
      <PhoneList<UserRecord>
        to={(user) => `/users/${user.id}/show`}
        primary={(user) => user.displayName || user.email}
        secondary={(user) => user.email}
        aside={(user) => <UserStatus user={user} />}
      />
    );
  }
  return (
    <DataTable<UserRecord> rowClick="show" bulkActionButtons={false}>
      <DataTable.Col<UserRecord>
        source="displayName"
        render={(user) => (
          <RowLink to={`/users/${user.id}/show`}>
            <PersonCell name={user.displayName} email={user.email} />
          </RowLink>
        )}
      />
      <DataTable.Col<UserRecord>
        source="status"
        disableSort
        render={(user) => <UserStatus user={user} />}
      />
      <DataTable.Col<UserRecord>
        source="lastLoginAt"
        disableSort
        render={(user) => <RelativeTime value={user.lastLoginAt} />}
      />
      <DataTable.Col<UserRecord>
        source="createdAt"
        render={(user) => <RelativeTime value={user.createdAt} />}
      />
    </DataTable>
  );
};

export const UserList = () => {
  const translate = useTranslate();
  const statuses = ["active", "suspended", "erased"].map((id) => ({
    id,
    name: translate(`users.status.${id}`),
  }));
  return (
    <ListFrame
      category="tops"
      actions={false}
      empty={false}
      sort={{ field: "createdAt", order: "DESC" }}
      exporter={csvExporter("users", [
        "displayName",
        "email",
        "status",
        "createdAt",
      ])}
      filters={[
        <SearchInput
          key="q"
          source="q"
          alwaysOn
          placeholder={translate("users.search")}
          sx={{ minWidth: { xs: "100%", sm: 280 } }}
        />,
        <SelectInput
          key="status"
          source="status"
          alwaysOn
          choices={statuses}
          sx={{ minWidth: { xs: "100%", sm: 160 } }}
        />,
      ]}
    >
      <UserRows />
    </ListFrame>
  );
};
