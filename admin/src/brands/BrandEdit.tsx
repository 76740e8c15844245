import { SimpleForm } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { RecordEdit } from "../components/RecordEdit.tsx";
import { BrandInputs } from "./BrandInputs.tsx";

export const BrandEdit = () => (
  <RecordEdit>
    <SimpleForm toolbar={<FormToolbar />} warnWhenUnsavedChanges>
      <BrandInputs />
    </SimpleForm>
  </RecordEdit>
);
