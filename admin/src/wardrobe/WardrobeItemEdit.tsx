import { SimpleForm } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { RecordEdit } from "../components/RecordEdit.tsx";
import { WardrobeItemInputs } from "./WardrobeItemInputs.tsx";

export const WardrobeItemEdit = () => (
  <RecordEdit>
    <SimpleForm toolbar={<FormToolbar />} warnWhenUnsavedChanges>
      <WardrobeItemInputs />
    </SimpleForm>
  </RecordEdit>
);
