import type { ReactElement } from "react";
import type { CommonInputProps, Validator } from "react-admin";
import {
  BooleanInput,
  DateInput,
  DateTimeInput,
  maxLength,
  NullableBooleanInput,
  NumberInput,
  regex,
  required,
  SelectArrayInput,
  SelectInput,
  TextInput,
} from "react-admin";

import { SuggestInput, TagsInput } from "../../components/SuggestInput.tsx";
import type { AdminResource } from "../adopt.ts";
import { fieldOf } from "../adopt.ts";
import { useCatalog } from "../CatalogContext.tsx";
import { imagePath } from "../columns.ts";
import type { CatalogField } from "../types.ts";
import { AmountInput } from "./AmountInput.tsx";
import { isLongText } from "./formValues.ts";
import { ImageInput } from "./ImageInput.tsx";
import { JsonInput } from "./JsonInput.tsx";
import { MoneyInput } from "./MoneyInput.tsx";
import { PercentInput } from "./PercentInput.tsx";
import { ReferenceInput } from "./ReferenceInput.tsx";

export type FormVerb = "create" | "update";

const UUID = /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/i;

const emptyIsNull = (value: unknown) => (value === "" ? null : value);

export const isNeeded = (field: CatalogField, verb: FormVerb): boolean =>
  verb === "create"
    ? field.required
    : !field.nullable && !field.array && field.kind !== "boolean";

/** A number or a list of choices the browser knows how to ask for. */
const KindInput = ({
  column: field,
  verb,
  ...props
}: CommonInputProps & { column: CatalogField; verb: FormVerb }) => {
  switch (field.kind) {
    case "boolean":
      // On a new row "not said" leaves the choice to the database.
      return verb === "create" && (field.hasDefault || field.nullable) ? (
        <NullableBooleanInput {...props} nullLabel="catalog.by_default" />
      ) : (
        <BooleanInput {...props} />
      );
    case "int":
    case "bigint":
      return <NumberInput {...props} step={1} />;
    case "float":
    case "numeric":
      return <NumberInput {...props} step="any" />;
    case "datetime":
      return <DateTimeInput {...props} />;
    case "date":
      return <DateInput {...props} parse={emptyIsNull} />;
    case "time":
      return <TextInput {...props} type="time" parse={emptyIsNull} />;
    case "enum":
      return (
        <SelectInput
          {...props}
          choices={[...(field.values ?? [])]}
          optionValue="value"
          optionText="label"
          parse={emptyIsNull}
        />
      );
    default:
      return isLongText(field) ? (
        <TextInput {...props} multiline minRows={4} parse={emptyIsNull} />
      ) : (
        <TextInput {...props} parse={emptyIsNull} />
      );
  }
};

/** The input of one column: by its widget, its reference, then its kind. */
export const FieldInput = ({
  resource,
  field,
  verb,
  source = field.name,
}: {
  resource: AdminResource;
  field: CatalogField;
  verb: FormVerb;
  source?: string;
}): ReactElement => {
  const catalog = useCatalog();
  const validate: Validator[] = [
    ...(isNeeded(field, verb) ? [required()] : []),
    ...(field.maxLength !== null && !field.array
      ? [maxLength(field.maxLength)]
      : []),
    ...(field.kind === "uuid" && field.reference === null
      ? [regex(UUID, "catalog.uuid_invalid")]
      : []),
  ];
  const props = {
    source,
    label: field.label,
    helperText: field.help ?? false,
    validate,
    fullWidth: true,
  } as const;
  switch (field.widget?.name) {
    case "money": {
      const { currency, currencyCode } = field.widget.options;
      if (currencyCode !== undefined) {
        return <AmountInput {...props} currency={currencyCode} />;
      }
      if (currency === undefined) break;
      const beside = fieldOf(resource, currency);
      return (
        <MoneyInput
          {...props}
          currencySource={currency}
          currencyRequired={beside !== undefined && isNeeded(beside, verb)}
        />
      );
    }
    case "image":
      return (
        <ImageInput {...props} urlPath={imagePath(catalog, resource, field)} />
      );
    case "percent":
      return <PercentInput {...props} />;
    case "json":
      return <JsonInput {...props} />;
    case "color":
      if (!field.group) break;
      return (
        <SuggestInput {...props} maxLength={field.maxLength ?? undefined} />
      );
    default:
      break;
  }
  if (field.kind === "json") return <JsonInput {...props} />;
  if (field.array) {
    if (field.values !== null) {
      return (
        <SelectArrayInput
          {...props}
          choices={[...field.values]}
          optionValue="value"
          optionText="label"
        />
      );
    }
    return field.kind === "string" ? (
      <TagsInput {...props} helperText={field.help ?? "catalog.tags_hint"} />
    ) : (
      <JsonInput {...props} />
    );
  }
  if (
    field.reference !== null &&
    catalog.schemas[field.reference.resource] !== undefined
  ) {
    return <ReferenceInput {...props} reference={field.reference.resource} />;
  }
  return <KindInput {...props} column={field} verb={verb} />;
};
