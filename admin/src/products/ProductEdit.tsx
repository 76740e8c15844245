import { SimpleForm } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { RecordEdit } from "../components/RecordEdit.tsx";
import { ProductInputs } from "./ProductInputs.tsx";

export const ProductEdit = () => (
  <RecordEdit>
    <SimpleForm toolbar={<FormToolbar deletable />} warnWhenUnsavedChanges>
      <ProductInputs />
    </SimpleForm>
  </RecordEdit>
);
