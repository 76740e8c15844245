import { Create, SimpleForm } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { useSession } from "../useSession.ts";
import { ProductInputs } from "./ProductInputs.tsx";

export const ProductCreate = () => {
  const { session } = useSession();
  return (
    <Create
      redirect="show"
      transform={(data: Record<string, unknown>) => ({
        ...data,
        brandId: session.brand?.id,
      })}
    >
      <SimpleForm toolbar={<FormToolbar />} warnWhenUnsavedChanges>
        <ProductInputs />
      </SimpleForm>
    </Create>
  );
};
