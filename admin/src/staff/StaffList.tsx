import type { RaRecord } from "react-admin";
import { CreateButton, DataTable, useTranslate } from "react-admin";

import { ListFrame, useIsPhone } from "../components/ListFrame.tsx";
import { ListTools } from "../components/ListTools.tsx";
import { PersonCell } from "../components/PersonCell.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { RowLink } from "../components/RowLink.tsx";

export type StaffRecord = RaRecord<string> & {
  userId: string;
  role: "support" | "finance" | "privacy" | "admin";
  createdAt: string;
  user?: { displayName: string; email: string } | null;
};

/** Their names are those of the people they are. */
export const staffColumns = [
  "userId",
  "role",
  "createdAt",
  "user.displayName",
  "user.email",
];

export const useStaffRoles = () => {
  const translate = useTranslate();
  return ["support", "finance", "privacy", "admin"].map((id) => ({
    id,
    name: translate(`roles.${id}`),
  }));
};

const StaffRows = () => {
  const isPhone = useIsPhone();
  const translate = useTranslate();
  const roleOf = (record: StaffRecord) => translate(`roles.${record.role}`);
  if (isPhone) {
    return (
      <PhoneList<StaffRecord>
        to={(record) => `/staff/${record.id}`}
        primary={(record) => record.user?.displayName}
        secondary={(record) => record.user?.email}
        aside={roleOf}
      />
    );
  }
  return (
    <DataTable<StaffRecord> rowClick="edit" bulkActionButtons={false}>
      <DataTable.Col<StaffRecord>
        source="userId"
        disableSort
        render={(record) => (
          <RowLink to={`/staff/${record.id}`}>
            <PersonCell
              name={record.user?.displayName}
              email={record.user?.email}
            />
          </RowLink>
        )}
      />
      <DataTable.Col<StaffRecord> source="role" disableSort render={roleOf} />
      <DataTable.Col<StaffRecord>
        source="createdAt"
        disableSort
        render={(record) => <RelativeTime value={record.createdAt} />}
      />
    </DataTable>
  );
};

export const StaffList = () => (
  <ListFrame
    category="tops"
    empty={false}
    sort={{ field: "userId", order: "ASC" }}
    queryOptions={{ meta: { columns: staffColumns } }}
    actions={
      <ListTools>
        <CreateButton variant="contained" label="resources.staff.page.create" />
      </ListTools>
    }
  >
    <StaffRows />
  </ListFrame>
);
