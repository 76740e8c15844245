import type { RaRecord } from "react-admin";

import type { AdminResource } from "../adopt.ts";
import { useReferenceOptions } from "../inputs/useReferenceOptions.ts";
import type { CatalogField } from "../types.ts";
import { FieldValue, NoValue } from "./FieldValue.tsx";

const ReferenceName = ({ target, id }: { target: string; id: string }) => {
  const { chosen } = useReferenceOptions(target, {
    text: "",
    open: false,
    ids: [id],
  });
  return <span>{chosen[0]?.label ?? "…"}</span>;
};

/**
 * A value that is not the record's own: what it was, or what it might become.
 * The other fields of the record (its currency) are taken from `beside`.
 */
export const PlainValue = ({
  resource,
  field,
  value,
  beside = {},
}: {
  resource: AdminResource;
  field: CatalogField;
  value: unknown;
  beside?: Readonly<Record<string, unknown>>;
}) => {
  if (value === null || value === undefined || value === "") return <NoValue />;
  if (field.reference !== null && field.widget?.name !== "image") {
    return (
      <ReferenceName target={field.reference.resource} id={String(value)} />
    );
  }
  if (field.widget?.name === "image") {
    return <span>{String(value).split("/").at(-1)}</span>;
  }
  const record: RaRecord = { id: "", ...beside, [field.name]: value };
  return (
    <FieldValue resource={resource} field={field} record={record} room="page" />
  );
};
