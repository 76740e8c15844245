import { Create, SimpleForm, useTranslate } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { useSession } from "../useSession.ts";
import { useCatalog, useCatalogResource } from "./CatalogContext.tsx";
import { CatalogInputs } from "./inputs/CatalogInputs.tsx";
import { formFields, ownerValues } from "./inputs/formValues.ts";

export const GeneratedCreate = () => {
  const translate = useTranslate();
  const catalog = useCatalog();
  const resource = useCatalogResource();
  const { session } = useSession();
  const owner = ownerValues(catalog, resource, session);
  return (
    <Create
      title={translate("catalog.create", {
        name: resource.singular.toLowerCase(),
      })}
      redirect={resource.verbs.show ? "show" : "list"}
      transform={(data: Record<string, unknown>) => ({ ...data, ...owner })}
    >
      <SimpleForm toolbar={<FormToolbar />} warnWhenUnsavedChanges>
        <CatalogInputs
          resource={resource}
          fields={formFields(resource, "create", owner)}
          verb="create"
        />
      </SimpleForm>
    </Create>
  );
};
