import { SimpleForm } from "react-admin";

import { FormToolbar } from "../components/FormToolbar.tsx";
import { RecordEdit } from "../components/RecordEdit.tsx";
import { HistorySection } from "../history/HistorySection.tsx";
import { MappingInputs } from "./MappingInputs.tsx";

export const MappingEdit = () => (
  <RecordEdit redirect="list">
    <SimpleForm toolbar={<FormToolbar deletable />}>
      <MappingInputs />
    </SimpleForm>
    <HistorySection />
  </RecordEdit>
);
