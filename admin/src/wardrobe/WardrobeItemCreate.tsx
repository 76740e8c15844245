import { Create, SimpleForm } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { useSession } from "../useSession.ts";
import { WardrobeItemInputs } from "./WardrobeItemInputs.tsx";

export const WardrobeItemCreate = () => {
  const { session } = useSession();
  return (
    <Create
      redirect="list"
      transform={(data: Record<string, unknown>) => ({
        ...data,
        userId: session.user?.id,
      })}
    >
      <SimpleForm toolbar={<FormToolbar />} warnWhenUnsavedChanges>
        <WardrobeItemInputs />
      </SimpleForm>
    </Create>
  );
};
