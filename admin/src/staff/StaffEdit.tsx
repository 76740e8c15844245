import Box from "@mui/material/Box";
import {
  required,
  SelectInput,
  SimpleForm,
  useRecordContext,
} from "react-admin";

import { useCatalogResource } from "../catalog/CatalogContext.tsx";
import { RecordTitle } from "../catalog/GeneratedEdit.tsx";
import { FormToolbar } from "../components/FormToolbar.tsx";
import { PersonCell } from "../components/PersonCell.tsx";
import { RecordEdit } from "../components/RecordEdit.tsx";
import { HistorySection } from "../history/HistorySection.tsx";
import type { StaffRecord } from "./StaffList.tsx";
import { staffColumns, useStaffRoles } from "./StaffList.tsx";

const Who = () => {
  const record = useRecordContext<StaffRecord>();
  return (
    <Box sx={{ mb: 2 }}>
      <PersonCell
        name={record?.user?.displayName}
        email={record?.user?.email}
      />
    </Box>
  );
};

export const StaffEdit = () => {
  const roles = useStaffRoles();
  return (
    <RecordEdit
      redirect="list"
      title={<></>}
      queryOptions={{ meta: { columns: staffColumns } }}
    >
      <RecordTitle resource={useCatalogResource()} />
      <SimpleForm toolbar={<FormToolbar deletable />}>
        <Who />
        <SelectInput
          source="role"
          choices={roles}
          validate={required()}
          sx={{ maxWidth: 320 }}
        />
      </SimpleForm>
      <HistorySection />
    </RecordEdit>
  );
};
