import Box from "@mui/material/Box";
import {
  AutocompleteInput,
  Create,
  ReferenceInput,
  required,
  SelectInput,
  SimpleForm,
} from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { useStaffRoles } from "./StaffList.tsx";

export const StaffCreate = () => {
  const roles = useStaffRoles();
  return (
    <Create redirect="list">
      <SimpleForm toolbar={<FormToolbar />}>
        <Box sx={{ width: "100%", maxWidth: 480 }}>
          <ReferenceInput source="userId" reference="users">
            <AutocompleteInput
              optionText={(user: { displayName?: string; email?: string }) =>
                [user.displayName, user.email].filter(Boolean).join(" · ")
              }
              validate={required()}
            />
          </ReferenceInput>
          <SelectInput source="role" choices={roles} validate={required()} />
        </Box>
      </SimpleForm>
    </Create>
  );
};
