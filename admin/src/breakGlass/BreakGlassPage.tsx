import PrivacyTipIcon from "@mui/icons-material/PrivacyTipOutlined";
import Alert from "@mui/material/Alert";
import Autocomplete from "@mui/material/Autocomplete";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useMutation } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useState } from "react";
import {
  Title,
  useDataProvider,
  useGetList,
  useGetOne,
  useLocation,
  useTranslate,
} from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { GarmentImage } from "../components/GarmentImage.tsx";
import { Panel } from "../components/Panel.tsx";
import { useCategories } from "../components/useLookups.ts";
import type { AppDataProvider } from "../dataProvider.ts";
import { DeniedPage } from "../layout/ErrorPage.tsx";
import type { UserRecord } from "../users/types.ts";
import { useSession } from "../useSession.ts";

type Item = {
  rowId: string;
  name: string;
  categoryCode: string;
  color: string | null;
  brandLabel: string | null;
};

const MIN_REASON = 10;

const PersonPicker = ({
  value,
  onChange,
}: {
  value: UserRecord | null;
  onChange: (user: UserRecord | null) => void;
}) => {
  const translate = useTranslate();
  const [text, setText] = useState("");
  const { data = [], isFetching } = useGetList<UserRecord>("users", {
    pagination: { page: 1, perPage: 10 },
    sort: { field: "createdAt", order: "DESC" },
    filter: text.trim().length >= 2 && value === null ? { q: text.trim() } : {},
    meta: { total: false },
  });
  return (
    <Autocomplete
      options={data}
      loading={isFetching}
      value={value}
      onChange={(_event, user) => onChange(user)}
      onInputChange={(_event, next) => setText(next)}
      filterOptions={(options) => options}
      getOptionLabel={(user) =>
        [user.displayName, user.email].filter(Boolean).join(" · ")
      }
      isOptionEqualToValue={(a, b) => a.id === b.id}
      renderInput={(params) => (
        <TextField
          {...params}
          required
          label={translate("break_glass.person")}
        />
      )}
    />
  );
};

/** A wardrobe is private. Opening one needs a reason, and leaves a trace. */
export const BreakGlassPage = () => {
  const translate = useTranslate();
  const dataProvider = useDataProvider<AppDataProvider>();
  const { can } = useSession();
  const { labelOf } = useCategories();
  const wanted = new URLSearchParams(useLocation().search).get("user") ?? "";
  const { data: given } = useGetOne<UserRecord>(
    "users",
    { id: wanted },
    { enabled: wanted !== "" },
  );
  const [picked, setPicked] = useState<UserRecord | null | undefined>(
    undefined,
  );
  const person = picked === undefined ? (given ?? null) : picked;
  const [reason, setReason] = useState("");
  const { mutate, data, error, isPending, reset } = useMutation({
    mutationFn: async (userId: string) => {
      const answer = await dataProvider.mutate<{
        result: Item[] | null;
      }>(
        "breakGlassWardrobe",
        { userId, reason: reason.trim() },
        "result { rowId name categoryCode color brandLabel }",
      );
      return answer.result ?? [];
    },
  });
  if (!can("wardrobe_access", "create")) return <DeniedPage />;
  const refusal = error === null ? null : errorSentence(error);

  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        maxWidth: 980,
        gridTemplateColumns: "minmax(0,1fr)",
      }}
    >
      <Title title={translate("break_glass.menu")} />
      <Panel>
        <Alert severity="warning" icon={<PrivacyTipIcon />} sx={{ mb: 2.5 }}>
          {translate("break_glass.warning")}
        </Alert>
        {refusal && (
          <Alert severity="error" role="alert" sx={{ mb: 2 }}>
            {refusal.message} {refusal.hint}
          </Alert>
        )}
        <Box
          component="form"
          onSubmit={(event: FormEvent) => {
            event.preventDefault();
            if (person) mutate(person.id);
          }}
          sx={{ display: "grid", gap: 1.5, maxWidth: 560 }}
        >
          <PersonPicker
            value={person}
            onChange={(user) => {
              setPicked(user);
              reset();
            }}
          />
          <TextField
            required
            multiline
            minRows={3}
            label={translate("break_glass.reason")}
            helperText={translate("break_glass.reason_hint")}
            value={reason}
            onChange={(event) => setReason(event.target.value)}
            slotProps={{ htmlInput: { minLength: MIN_REASON, maxLength: 500 } }}
          />
          <Box>
            <Button
              type="submit"
              variant="contained"
              disabled={
                isPending || !person || reason.trim().length < MIN_REASON
              }
            >
              {translate("break_glass.open")}
            </Button>
          </Box>
        </Box>
      </Panel>
      {data && (
        <Panel
          title={translate("break_glass.result", { smart_count: data.length })}
        >
          {data.length === 0 ? (
            <Typography color="textSecondary">
              {translate("break_glass.none")}
            </Typography>
          ) : (
            <Box
              component="ul"
              sx={{
                listStyle: "none",
                m: 0,
                p: 0,
                display: "grid",
                gap: 2,
                gridTemplateColumns: "repeat(auto-fill, minmax(140px, 1fr))",
              }}
            >
              {data.map((item) => (
                <li key={item.rowId}>
                  <GarmentImage record={item} />
                  <Typography
                    variant="subtitle2"
                    sx={{ mt: 1, overflowWrap: "anywhere" }}
                  >
                    {item.name}
                  </Typography>
                  <Typography variant="caption" color="textSecondary">
                    {[item.brandLabel, labelOf(item.categoryCode)]
                      .filter(Boolean)
                      .join(" · ")}
                  </Typography>
                </li>
              ))}
            </Box>
          )}
        </Panel>
      )}
    </Box>
  );
};
