import { SimpleForm, Title, useRecordContext } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { RecordEdit } from "../components/RecordEdit.tsx";
import { EditActions } from "./actions/RowActions.tsx";
import type { AdminResource } from "./adopt.ts";
import { useCatalog, useCatalogResource } from "./CatalogContext.tsx";
import { columnsFor, representationOf } from "./columns.ts";
import { CatalogInputs } from "./inputs/CatalogInputs.tsx";
import { formFields } from "./inputs/formValues.ts";

export const RecordTitle = ({ resource }: { resource: AdminResource }) => {
  const catalog = useCatalog();
  const record = useRecordContext();
  return (
    <Title
      title={
        record ? representationOf(catalog, resource, record) : resource.singular
      }
    />
  );
};

/** What an edit page reads: every column, with the names of references. */
export const useEditColumns = (resource: AdminResource): string[] =>
  columnsFor(
    useCatalog(),
    resource,
    resource.fields.filter(({ read }) => read),
  );

export const GeneratedEdit = () => {
  const resource = useCatalogResource();
  const columns = useEditColumns(resource);
  return (
    <RecordEdit
      title={<></>}
      redirect={resource.verbs.show ? "show" : "list"}
      queryOptions={{ meta: { columns } }}
    >
      <RecordTitle resource={resource} />
      <EditActions resource={resource} />
      <SimpleForm
        toolbar={<FormToolbar deletable={resource.verbs.delete} />}
        warnWhenUnsavedChanges
        sanitizeEmptyValues={false}
      >
        <CatalogInputs
          resource={resource}
          fields={formFields(resource, "update")}
          verb="update"
        />
      </SimpleForm>
    </RecordEdit>
  );
};
