import { required, SelectInput, SimpleForm } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { RecordEdit } from "../components/RecordEdit.tsx";
import { useStaffRoles } from "./StaffList.tsx";

export const StaffEdit = () => {
  const roles = useStaffRoles();
  return (
    <RecordEdit redirect="list">
      <SimpleForm toolbar={<FormToolbar deletable />}>
        <SelectInput
          source="role"
          choices={roles}
          validate={required()}
          sx={{ maxWidth: 320 }}
        />
      </SimpleForm>
    </RecordEdit>
  );
};
