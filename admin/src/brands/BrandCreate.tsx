import { Create, SimpleForm } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { BrandInputs } from "./BrandInputs.tsx";

export const BrandCreate = () => (
  <Create redirect="show">
    <SimpleForm toolbar={<FormToolbar />} warnWhenUnsavedChanges>
      <BrandInputs creating />
    </SimpleForm>
  </Create>
);
