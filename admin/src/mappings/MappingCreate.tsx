import { Create, SimpleForm } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { useSession } from "../useSession.ts";
import { MappingInputs } from "./MappingInputs.tsx";

export const MappingCreate = () => {
  const { session } = useSession();
  return (
    <Create
      redirect="list"
      transform={(data: Record<string, unknown>) => ({
        ...data,
        brandId: session.brand?.id,
      })}
    >
      <SimpleForm toolbar={<FormToolbar />}>
        <MappingInputs />
      </SimpleForm>
    </Create>
  );
};
