import Chip from "@mui/material/Chip";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import { useTranslate } from "react-admin";

import {
  FilterChoice,
  FilterFrame,
  FilterReference,
  useFilter,
  useFilterValues,
} from "../components/ListFilters.tsx";
import { useCategories } from "../components/useLookups.ts";
import { shortHandle, STATUSES } from "./types.ts";
import { useJobScope } from "./useJobScope.ts";

/** By the key, which begins with its moment: no list is read further back than asked. */
export const SINCE = "id@within";
const SPANS = [3_600, 86_400, 7 * 86_400, 30 * 86_400];

const PRODUCT = "garments.productId";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A brand knows a shopper by a handle: chosen in the list, or pasted. */
const ShopperHandle = () => {
  const translate = useTranslate();
  const [value, set] = useFilter("shopper");
  const [text, setText] = useState("");
  const isWrong = text !== "" && !UUID.test(text.trim());
  if (value !== "") {
    return (
      <Chip
        label={translate("tryons.shopper_handle", {
          handle: shortHandle(value),
        })}
        onDelete={() => set("")}
        sx={{ height: 40, justifySelf: "start" }}
      />
    );
  }
  return (
    <TextField
      label={translate("tryons.shopper")}
      placeholder={translate("tryons.shopper_paste")}
      value={text}
      margin="none"
      error={isWrong}
      helperText={isWrong ? translate("tryons.shopper_invalid") : undefined}
      onChange={(event) => {
        const next = event.target.value;
        setText(next);
        if (UUID.test(next.trim())) {
          setText("");
          set(next.trim().toLowerCase());
        }
      }}
      slotProps={{ inputLabel: { shrink: true } }}
    />
  );
};

export const JobFilters = ({ isBoard }: { isBoard: boolean }) => {
  const translate = useTranslate();
  const { eyes } = useJobScope();
  const { categories } = useCategories();
  const { values } = useFilterValues();
  const { status: _status, ...others } = values;
  const statusWord = (status: string) =>
    translate(`tryons.status.${status}`, { _: status });
  return (
    <FilterFrame
      label={translate("tryons.filters")}
      count={Object.keys(isBoard ? others : values).length}
    >
      {!isBoard && (
        <FilterChoice
          name="status"
          label={translate("tryons.fields.status")}
          choices={STATUSES.map((value) => ({
            value,
            text: statusWord(value),
          }))}
          wordsOf={statusWord}
        />
      )}
      <FilterChoice
        name={SINCE}
        label={translate("tryons.asked")}
        choices={SPANS.map((span) => ({
          value: String(span),
          text: translate(`tryons.since.${span}`),
        }))}
      />
      <FilterChoice
        name="categoryCode"
        label={translate("tryons.fields.categoryCode")}
        choices={categories.map(({ code, label }) => ({
          value: code,
          text: label,
        }))}
      />
      <FilterChoice
        name="payer"
        label={translate("tryons.fields.payer")}
        choices={["user", "brand", "pro"].map((value) => ({
          value,
          text: translate(`tryons.payer.${eyes}.${value}`),
        }))}
      />
      <FilterReference
        name={PRODUCT}
        resource="products"
        label={translate("tryons.product")}
      />
      {eyes === "staff" && (
        <FilterReference
          name="userId"
          resource="users"
          label={translate("tryons.shopper")}
        />
      )}
      {eyes === "staff" && (
        <FilterReference
          name="brandId"
          resource="brands"
          label={translate("tryons.fields.brandId")}
        />
      )}
      {eyes === "brand" && <ShopperHandle />}
    </FilterFrame>
  );
};
