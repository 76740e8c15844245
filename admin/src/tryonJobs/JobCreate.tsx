import CloseIcon from "@mui/icons-material/CloseOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import IconButton from "@mui/material/IconButton";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import {
  LinkBase,
  Title,
  useDataProvider,
  useGetOne,
  useNavigate,
  useTranslate,
} from "react-admin";
import { useLocation } from "react-router";

import { errorSentence } from "../auth/AuthForm.tsx";
import { GarmentImage } from "../components/GarmentImage.tsx";
import { Panel } from "../components/Panel.tsx";
import { useCategories } from "../components/useLookups.ts";
import type { AppDataProvider } from "../dataProvider.ts";
import { formatCount } from "../format.ts";
import type { Product } from "../products/types.ts";
import type { Garment } from "./GarmentPicker.tsx";
import { GarmentPicker, MAX_GARMENTS } from "./GarmentPicker.tsx";
import { makeRequestKeys } from "./requestKey.ts";
import { SelfiePicker } from "./SelfiePicker.tsx";
import { useJobScope } from "./useJobScope.ts";
import { useWallet } from "./useWallet.ts";

type Fault = { code: string; message: string; hint: string; field: string };

const faultOf = (error: unknown): Fault => {
  const { message, hint } = errorSentence(error);
  const body = (
    error as {
      body?: { code?: unknown; errors?: Record<string, unknown> };
    } | null
  )?.body;
  return {
    code: typeof body?.code === "string" ? body.code : "",
    message,
    hint,
    field: Object.keys(body?.errors ?? {})[0] ?? "",
  };
};

/** A product that another page leads here with: `?product=<id>`. */
const useOfferedProduct = (take: (garment: Garment) => void) => {
  const { search } = useLocation();
  const id = new URLSearchParams(search).get("product");
  const { data } = useGetOne<Product>(
    "products",
    { id: id ?? "" },
    { enabled: id !== null },
  );
  const taken = useRef(false);
  useEffect(() => {
    if (data === undefined || taken.current) return;
    taken.current = true;
    take({
      id: data.id,
      kind: "product",
      name: data.name,
      brandId: data.brandId,
      categoryCode: data.categoryCode,
      color: data.color,
      imageUrl: data.imageUrl,
    });
  }, [data, take]);
};

const Line = ({ label, value }: { label: string; value: string }) => (
  <Box
    sx={{
      display: "flex",
      justifyContent: "space-between",
      gap: 2,
      py: 0.5,
      fontVariantNumeric: "tabular-nums lining-nums",
    }}
  >
    <Typography component="dt" variant="body2" color="textSecondary">
      {label}
    </Typography>
    <Typography component="dd" variant="body2" sx={{ m: 0, fontWeight: 600 }}>
      {value}
    </Typography>
  </Box>
);

/** What it costs and what is left afterwards, said before it is asked for. */
const Price = ({ cost }: { cost: number | null }) => {
  const translate = useTranslate();
  const { eyes } = useJobScope();
  const { wallet } = useWallet();
  const isPro = wallet?.proUntil != null;
  const credits = (count: number) =>
    translate("tryons.credits", {
      smart_count: count,
      count: formatCount(count),
    });
  const left = wallet === null ? null : wallet.remaining - (cost ?? 0);
  return (
    <Box component="dl" sx={{ m: 0 }}>
      <Line
        label={translate("tryons.form.costs")}
        value={
          isPro
            ? translate("tryons.cost_pro")
            : cost === null
              ? "–"
              : credits(cost)
        }
      />
      {!isPro && (
        <Line
          label={translate(`tryons.form.left_${eyes}`)}
          value={wallet === null ? credits(0) : credits(wallet.remaining)}
        />
      )}
      {!isPro && cost !== null && left !== null && left >= 0 && (
        <Line label={translate("tryons.form.after")} value={credits(left)} />
      )}
    </Box>
  );
};

export const JobCreate = () => {
  const translate = useTranslate();
  const navigate = useNavigate();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const { jobs, eyes } = useJobScope();
  const { categories } = useCategories();
  const { wallet } = useWallet();
  const [categoryCode, setCategory] = useState("");
  const [selfieKey, setSelfie] = useState<string | null>(null);
  const [chosen, setChosen] = useState<readonly Garment[]>([]);
  const [keyFor] = useState(() => makeRequestKeys());

  const toggle = (garment: Garment) => {
    setChosen((now) =>
      now.some(({ id }) => id === garment.id)
        ? now.filter(({ id }) => id !== garment.id)
        : [...now, garment],
    );
    if (categoryCode === "") setCategory(garment.categoryCode ?? "");
  };
  useOfferedProduct(toggle);

  const { mutate, isPending, isSuccess, error, reset } = useMutation({
    mutationFn: async (): Promise<string> => {
      const ids = (kind: Garment["kind"]) =>
        chosen.filter((one) => one.kind === kind).map(({ id }) => id);
      const request = {
        categoryCode,
        selfieKey,
        productIds: ids("product"),
        ...(eyes === "shopper" ? { wardrobeItemIds: ids("item") } : {}),
      };
      const input = { ...request, idempotencyKey: keyFor(request) };
      if (eyes === "shopper") {
        const { result } = await dataProvider.mutate<{
          result: { rowId: string };
        }>("requestTryon", input, "result { rowId }");
        return result.rowId;
      }
      const { result } = await dataProvider.mutate<{ result: string }>(
        "requestBrandTryon",
        input,
        "result",
      );
      return result;
    },
    onSuccess: (id) => {
      void client.invalidateQueries();
      void navigate(`/${jobs}/${id}/show`);
    },
  });

  const category = categories.find(({ code }) => code === categoryCode);
  const cost = category?.tryonCost ?? null;
  const fault = error === null ? null : faultOf(error);
  const fits = chosen.some((one) => one.categoryCode === categoryCode);
  const missing =
    categoryCode === ""
      ? "category"
      : chosen.length === 0
        ? "garment"
        : !fits
          ? "fitting"
          : selfieKey === null
            ? "picture"
            : null;
  const isShort =
    wallet !== null &&
    wallet.proUntil == null &&
    cost !== null &&
    wallet.remaining < cost;

  const change = (what: () => void) => {
    // What was refused was the request as it stood.
    if (error !== null) reset();
    what();
  };

  return (
    <Box
      component="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (missing === null && !isPending && !isSuccess) mutate();
      }}
      sx={{
        mt: 1,
        display: "grid",
        gap: 2.5,
        alignItems: "start",
        gridTemplateColumns: {
          xs: "minmax(0, 1fr)",
          md: "minmax(0, 1fr) 330px",
        },
      }}
    >
      <Title title={translate("tryons.new")} />
      <Box sx={{ display: "grid", gap: 2.5 }}>
        <Panel title={translate("tryons.form.step_category")}>
          <TextField
            select
            required
            fullWidth
            label={translate("tryons.fields.categoryCode")}
            helperText={translate("tryons.form.category_hint")}
            value={categories.length === 0 ? "" : categoryCode}
            onChange={(event) => change(() => setCategory(event.target.value))}
            sx={{ maxWidth: 420 }}
            margin="none"
          >
            {categories
              .filter(({ active }) => active)
              .map(({ code, label, tryonCost }) => (
                <MenuItem key={code} value={code}>
                  <Box component="span" sx={{ flex: 1 }}>
                    {label}
                  </Box>
                  <Typography
                    component="span"
                    variant="caption"
                    color="textSecondary"
                    sx={{ ml: 2 }}
                  >
                    {translate("tryons.credits", {
                      smart_count: tryonCost,
                      count: formatCount(tryonCost),
                    })}
                  </Typography>
                </MenuItem>
              ))}
          </TextField>
        </Panel>
        <Panel title={translate(`tryons.form.step_picture_${eyes}`)}>
          <SelfiePicker
            value={selfieKey}
            onChange={(key) => change(() => setSelfie(key))}
            fault={fault?.field === "selfieKey" ? fault.message : null}
          />
        </Panel>
        <Panel title={translate("tryons.form.step_garments")}>
          <GarmentPicker
            categoryCode={categoryCode}
            chosen={chosen}
            onToggle={(garment) => change(() => toggle(garment))}
          />
        </Panel>
      </Box>
      <Panel
        title={translate("tryons.form.summary")}
        sx={{ position: { md: "sticky" }, top: { md: 16 } }}
      >
        {chosen.length === 0 ? (
          <Typography variant="body2" color="textSecondary">
            {translate("tryons.form.nothing_chosen")}
          </Typography>
        ) : (
          <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
            {chosen.map((garment) => (
              <Box
                component="li"
                key={garment.id}
                sx={{
                  display: "flex",
                  alignItems: "center",
                  gap: 1.25,
                  py: 0.5,
                }}
              >
                <GarmentImage record={garment} size={40} />
                <Typography
                  variant="body2"
                  sx={{ flex: 1, minWidth: 0, overflowWrap: "anywhere" }}
                >
                  {garment.name}
                </Typography>
                <IconButton
                  aria-label={translate("tryons.form.take_off", {
                    name: garment.name,
                  })}
                  onClick={() => change(() => toggle(garment))}
                >
                  <CloseIcon fontSize="small" />
                </IconButton>
              </Box>
            ))}
          </Box>
        )}
        {chosen.length === MAX_GARMENTS && (
          <Typography variant="caption" color="textSecondary">
            {translate("tryons.form.full", { smart_count: MAX_GARMENTS })}
          </Typography>
        )}
        <Box sx={{ borderTop: 1, borderColor: "divider", mt: 1.5, pt: 1.5 }}>
          <Price cost={cost} />
        </Box>
        {fault !== null && (
          <Alert severity="error" role="alert" sx={{ mt: 1.5 }}>
            {translate(fault.message, { _: fault.message })}
            {fault.hint !== "" && `. ${fault.hint}.`}
          </Alert>
        )}
        {isShort && fault === null && (
          <Alert severity="warning" sx={{ mt: 1.5 }}>
            {translate(`tryons.form.short_${eyes}`)}
          </Alert>
        )}
        <Button
          type="submit"
          variant="contained"
          fullWidth
          size="large"
          disabled={missing !== null || isPending || isSuccess}
          aria-describedby="tryon-missing"
          sx={{ mt: 2, minHeight: 46 }}
        >
          {translate(isPending ? "tryons.form.asking" : "tryons.form.submit")}
        </Button>
        <Typography
          id="tryon-missing"
          variant="caption"
          color="textSecondary"
          sx={{ display: "block", mt: 1, minHeight: 20 }}
        >
          {missing === null ? "" : translate(`tryons.form.missing.${missing}`)}
        </Typography>
        <Button component={LinkBase} to={`/${jobs}`} fullWidth>
          {translate("app.cancel")}
        </Button>
      </Panel>
    </Box>
  );
};
