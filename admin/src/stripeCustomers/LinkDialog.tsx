import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Typography from "@mui/material/Typography";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useDataProvider, useNotify, useTranslate } from "react-admin";

import { FormDialog } from "../components/FormDialog.tsx";
import { FilterRecord } from "../components/ListFilters.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { useRevenueWords } from "../revenue/words.ts";
import { useLinkPreview } from "./customersApi.ts";
import type { LinkPreview, Owner } from "./types.ts";

const KINDS = ["brand", "user", "nobody"] as const;
type Kind = (typeof KINDS)[number];

/** What money moves, and what it grants, in sentences. */
const Preview = ({ preview }: { preview: LinkPreview }) => {
  const translate = useTranslate();
  const { usd } = useRevenueWords();
  const nobody = translate("customers.nobody");
  if (!preview.isChange) {
    return <Alert severity="info">{translate("customers.link.same")}</Alert>;
  }
  return (
    <Alert severity="info" icon={false}>
      <Typography variant="body2" sx={{ fontWeight: 600 }}>
        {translate("customers.link.moves", {
          mrr: usd(preview.mrrUsdMinor),
          smart_count: preview.subscriptions,
        })}
      </Typography>
      <Box component="ul" sx={{ m: 0, mt: 0.5, pl: 2.5 }}>
        <li>
          {translate("customers.link.account", {
            name: preview.fromName ?? nobody,
            before: usd(preview.fromBeforeUsdMinor),
            after: usd(preview.fromAfterUsdMinor),
          })}
        </li>
        <li>
          {translate("customers.link.account", {
            name: preview.toName ?? nobody,
            before: usd(preview.toBeforeUsdMinor),
            after: usd(preview.toAfterUsdMinor),
          })}
        </li>
        <li>
          {preview.grants.length === 0
            ? translate("customers.link.grants_nothing")
            : translate("customers.link.grants", {
                grants: preview.grants
                  .map((kind) => translate(`customers.grants.${kind}`))
                  .join(", "),
              })}
        </li>
      </Box>
      <Typography variant="body2" sx={{ mt: 0.75 }}>
        {translate("customers.link.transfer")}
      </Typography>
    </Alert>
  );
};

/** Whose a customer is: a brand, a shopper, nobody. Says what moves before it does. */
export const LinkDialog = ({
  customerId,
  name,
  suggested,
  onClose,
}: {
  customerId: string;
  name: string;
  suggested: Owner | null;
  onClose: () => void;
}) => {
  const translate = useTranslate();
  const notify = useNotify();
  const client = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const [kind, setKind] = useState<Kind>(
    suggested?.userId != null ? "user" : "brand",
  );
  const [brandId, setBrandId] = useState(suggested?.brandId ?? "");
  const [userId, setUserId] = useState(suggested?.userId ?? "");
  const chosen = kind === "brand" ? brandId : kind === "user" ? userId : "";
  const owner: Owner | null =
    kind === "nobody"
      ? { brandId: null, userId: null }
      : chosen === ""
        ? null
        : {
            brandId: kind === "brand" ? brandId : null,
            userId: kind === "user" ? userId : null,
          };
  const { data: preview, error: refused } = useLinkPreview(customerId, owner);
  const { mutate, isPending, error } = useMutation({
    mutationFn: () =>
      dataProvider.mutate(
        "linkStripeCustomer",
        { customerId, ...owner },
        "result { rowId }",
      ),
    onSuccess: async () => {
      notify("customers.link.done", { type: "info" });
      onClose();
      // Money, figures and grants are elsewhere now.
      await client.invalidateQueries();
    },
  });
  return (
    <FormDialog
      title={translate("customers.link.title", { name })}
      body={translate("customers.link.body")}
      submit={translate(
        kind === "nobody" ? "customers.link.unlink" : "customers.link.submit",
      )}
      busy={isPending}
      canSubmit={owner !== null && preview?.isChange === true}
      error={error ?? refused}
      onSubmit={() => mutate()}
      onClose={onClose}
    >
      <ToggleButtonGroup
        exclusive
        size="small"
        value={kind}
        onChange={(_event, next: Kind | null) => {
          if (next !== null) setKind(next);
        }}
        aria-label={translate("customers.link.to")}
      >
        {KINDS.map((one) => (
          <ToggleButton key={one} value={one} sx={{ px: 2 }}>
            {translate(`customers.link.kind.${one}`)}
          </ToggleButton>
        ))}
      </ToggleButtonGroup>
      {kind === "brand" && (
        <FilterRecord
          resource="brands"
          label={translate("movements.filters.brand")}
          value={brandId}
          onChange={setBrandId}
        />
      )}
      {kind === "user" && (
        <FilterRecord
          resource="users"
          label={translate("subscriptions.filters.shopper")}
          value={userId}
          onChange={setUserId}
        />
      )}
      <Box role="status" sx={{ minHeight: 24 }}>
        {owner === null ? (
          <Typography variant="body2" color="textSecondary">
            {translate("customers.link.choose")}
          </Typography>
        ) : preview === undefined ? (
          <Skeleton variant="rounded" height={120} />
        ) : (
          <Preview preview={preview} />
        )}
      </Box>
    </FormDialog>
  );
};
