import CheckIcon from "@mui/icons-material/CheckOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";

import { errorSentence } from "../auth/AuthForm.tsx";
import { Loaded } from "../components/Loaded.tsx";
import { Panel } from "../components/Panel.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { Offer } from "./billingApi.ts";
import { useOffers } from "./billingApi.ts";
import { givesOf } from "./billingWords.ts";
import type { Paying } from "./usePaying.ts";
import { useSay } from "./useSay.ts";

const OfferCard = ({
  offer,
  paying,
}: {
  offer: Offer;
  /** Null where nothing can be paid: then it is a price list. */
  paying: Paying | null;
}) => {
  const { translate, price, count } = useSay();
  const name = offer.name ?? translate("billing.plan_unnamed");
  const leaves =
    paying !== null &&
    paying.isLeaving &&
    paying.leavingFor?.kind === "plan" &&
    paying.leavingFor.priceId === offer.priceId;
  return (
    <Box
      component="li"
      sx={{
        display: "flex",
        flexDirection: "column",
        minWidth: 0,
        p: 2.5,
        border: 1,
        borderRadius: "12px",
        borderColor: offer.isCurrent ? "secondary.main" : "divider",
      }}
    >
      <Box
        sx={{
          display: "flex",
          flexWrap: "wrap",
          gap: 1,
          alignItems: "center",
          justifyContent: "space-between",
        }}
      >
        <Typography
          component="h3"
          variant="h6"
          sx={{ overflowWrap: "anywhere", minWidth: 0 }}
        >
          {name}
        </Typography>
        {offer.isCurrent ? (
          <StatusChip tone="success" label="billing.your_plan" />
        ) : (
          offer.isReserved && (
            <StatusChip tone="info" label="billing.made_for_you" />
          )
        )}
      </Box>
      <Typography sx={{ mt: 0.5, fontVariantNumeric: "tabular-nums" }}>
        {offer.amountMinor === null
          ? translate("billing.price_on_page")
          : price(
              offer.amountMinor,
              offer.currency,
              offer.interval,
              offer.intervalCount,
            )}
      </Typography>
      <Box
        component="ul"
        sx={{
          listStyle: "none",
          m: 0,
          p: 0,
          mt: 1.5,
          mb: 2,
          display: "grid",
          gap: 0.5,
        }}
      >
        {givesOf(offer).map(({ words, amount }) => (
          <Typography
            key={words}
            component="li"
            variant="body2"
            sx={{ display: "flex", gap: 1, alignItems: "flex-start" }}
          >
            <CheckIcon
              aria-hidden="true"
              sx={{ fontSize: 18, color: "success.main", mt: "1px" }}
            />
            {translate(words, { amount: count(amount ?? 0) })}
          </Typography>
        ))}
      </Box>
      {paying !== null && !offer.isCurrent && (
        <Button
          variant="outlined"
          sx={{ mt: "auto", alignSelf: "flex-start" }}
          disabled={paying.isLeaving}
          aria-busy={leaves}
          aria-label={translate("billing.choose_name", { name })}
          onClick={() => paying.pay({ kind: "plan", priceId: offer.priceId })}
        >
          {translate(leaves ? "billing.leaving" : "billing.choose")}
        </Button>
      )}
    </Box>
  );
};

/** The plans on offer, side by side. */
export const OffersPanel = ({ paying }: { paying: Paying | null }) => {
  const { translate } = useSay();
  const offers = useOffers();
  const plans = offers.data?.filter(({ kind }) => kind === "plan") ?? [];
  if (offers.error !== null && offers.data === undefined) {
    return (
      <Panel title={translate("billing.offers")} sx={{ minWidth: 0 }}>
        <Loaded query={offers} height={0}>
          {() => null}
        </Loaded>
      </Panel>
    );
  }
  if (plans.length === 0) return null;
  const error =
    paying !== null && paying.leavingFor?.kind === "plan" ? paying.error : null;
  return (
    <Panel title={translate("billing.offers")} sx={{ minWidth: 0 }}>
      {error !== null && <PayingError error={error} />}
      <Box
        component="ul"
        sx={{
          listStyle: "none",
          m: 0,
          p: 0,
          display: "grid",
          gap: 2,
          gridTemplateColumns:
            "repeat(auto-fill, minmax(min(100%, 230px), 1fr))",
        }}
      >
        {plans.map((offer) => (
          <OfferCard key={offer.priceId} offer={offer} paying={paying} />
        ))}
      </Box>
      <Typography
        variant="caption"
        color="textSecondary"
        component="p"
        sx={{ mt: 2 }}
      >
        {translate("billing.tax")}
        {paying !== null && ` ${translate("billing.choose_hint")}`}
      </Typography>
    </Panel>
  );
};

export const PayingError = ({ error }: { error: Error }) => {
  const { translate } = useSay();
  const { message, hint } = errorSentence(error);
  return (
    <Alert severity="error" role="alert" sx={{ mb: 2 }}>
      {translate(message, { _: message })} {hint}
    </Alert>
  );
};
