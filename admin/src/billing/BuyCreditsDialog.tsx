import Box from "@mui/material/Box";
import FormControl from "@mui/material/FormControl";
import FormControlLabel from "@mui/material/FormControlLabel";
import FormLabel from "@mui/material/FormLabel";
import Radio from "@mui/material/Radio";
import RadioGroup from "@mui/material/RadioGroup";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useId, useState } from "react";

import { fieldError } from "../components/fieldErrors.ts";
import { FormDialog } from "../components/FormDialog.tsx";
import type { Offer, Quote } from "./billingApi.ts";
import { useQuote } from "./billingApi.ts";
import type { Paying } from "./usePaying.ts";
import { useSay } from "./useSay.ts";

const MOST = 1_000;

export const parseQuantity = (text: string): number | null => {
  const quantity = Number(text);
  return /^\d+$/.test(text) && quantity >= 1 && quantity <= MOST
    ? quantity
    : null;
};

/** Read out when it changes; empty while it is reckoned. */
const Total = ({ quote }: { quote: Quote | undefined }) => {
  const { translate, money, count } = useSay();
  return (
    <Box
      role="status"
      aria-label={translate("billing.buy_total")}
      sx={{
        display: "flex",
        justifyContent: "space-between",
        flexWrap: "wrap",
        gap: 1,
        p: 2,
        borderRadius: "10px",
        bgcolor: "background.default",
        minHeight: 60,
      }}
    >
      {quote?.credits != null && (
        <>
          <Typography variant="subtitle1" component="span">
            {translate("billing.buy_total_credits", {
              credits: count(quote.credits),
            })}
          </Typography>
          <Typography
            variant="subtitle1"
            component="span"
            sx={{ fontVariantNumeric: "tabular-nums" }}
          >
            {quote.amountMinor === null || quote.currency === null
              ? translate("billing.price_on_page")
              : money(quote.amountMinor, quote.currency)}
          </Typography>
        </>
      )}
      {quote?.credits === null && (
        <Typography variant="body2" color="error">
          {translate("billing.buy_too_many")}
        </Typography>
      )}
    </Box>
  );
};

/** Which credits, how many times, and what that is in all before Stripe's page asks for it. */
export const BuyCreditsDialog = ({
  offers,
  paying,
  onClose,
}: {
  offers: readonly Offer[];
  paying: Paying;
  onClose: () => void;
}) => {
  const { translate, price, count } = useSay();
  const label = useId();
  const [chosen, setChosen] = useState(offers[0]?.priceId ?? "");
  const [text, setText] = useState("1");
  const quantity = parseQuantity(text);
  const quote = useQuote(chosen === "" ? null : chosen, quantity);
  const isForCredits = paying.leavingFor?.kind === "credits";
  const error = isForCredits ? paying.error : null;
  const invalid = text !== "" && quantity === null;
  return (
    <FormDialog
      title={translate("billing.buy_title")}
      body={translate("billing.buy_body")}
      submit={translate(
        paying.isLeaving ? "billing.leaving" : "billing.buy_submit",
      )}
      busy={paying.isLeaving}
      canSubmit={quantity !== null && quote.data?.credits != null}
      error={error ?? quote.error}
      onSubmit={() => {
        if (quantity !== null) {
          paying.pay({ kind: "credits", priceId: chosen, quantity });
        }
      }}
      onClose={onClose}
    >
      <FormControl>
        <FormLabel id={label}>{translate("billing.buy_which")}</FormLabel>
        <RadioGroup
          aria-labelledby={label}
          value={chosen}
          onChange={(_event, value) => setChosen(value)}
        >
          {offers.map((offer) => (
            <FormControlLabel
              key={offer.priceId}
              value={offer.priceId}
              control={<Radio />}
              sx={{ alignItems: "flex-start", mr: 0, py: 0.25 }}
              label={
                <Box sx={{ pt: 1, overflowWrap: "anywhere" }}>
                  <Typography component="span" variant="subtitle2">
                    {offer.name ??
                      translate("billing.buy_unnamed", {
                        credits: count(offer.credits ?? 0),
                      })}
                  </Typography>
                  <Typography
                    component="span"
                    variant="body2"
                    color="textSecondary"
                    sx={{ display: "block" }}
                  >
                    {translate("billing.buy_total_credits", {
                      credits: count(offer.credits ?? 0),
                    })}
                    {", "}
                    {offer.amountMinor === null
                      ? translate("billing.price_on_page")
                      : price(offer.amountMinor, offer.currency, null, null)}
                  </Typography>
                </Box>
              }
            />
          ))}
        </RadioGroup>
      </FormControl>
      <TextField
        required
        label={translate("billing.buy_quantity")}
        value={text}
        onChange={(event) => setText(event.target.value.trim())}
        error={invalid || fieldError(error, "quantity") !== null}
        helperText={
          invalid
            ? translate("billing.buy_quantity_invalid")
            : (fieldError(error, "quantity") ??
              translate("billing.buy_quantity_hint"))
        }
        slotProps={{ htmlInput: { inputMode: "numeric", maxLength: 4 } }}
      />
      <Total quote={quote.data} />
      <Typography variant="caption" color="textSecondary">
        {translate("billing.tax")}
      </Typography>
    </FormDialog>
  );
};
