import { SimpleForm } from "react-admin";

import { RecordEdit } from "../components/RecordEdit.tsx";
import { FormToolbar } from "../components/FormToolbar.tsx";
import { ProductInputs } from "./ProductInputs.tsx";

export const ProductEdit = () => (
  <RecordEdit>
    <SimpleForm toolbar={<FormToolbar deletable />} warnWhenUnsavedChanges>
      <ProductInputs />
    </SimpleForm>
  </RecordEdit>
);
