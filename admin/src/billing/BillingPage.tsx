import ShoppingCartIcon from "@mui/icons-material/ShoppingCartOutlined";
import TuneIcon from "@mui/icons-material/TuneOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { LinkBase, Title, useTranslate } from "react-admin";

import { Loaded } from "../components/Loaded.tsx";
import { DeniedPage } from "../layout/ErrorPage.tsx";
import { useSession } from "../useSession.ts";
import type { WalletOwner } from "../wallet/walletApi.ts";
import { isOfBrand, useWallet } from "../wallet/walletApi.ts";
import {
  useCustomers,
  useOffers,
  usePlans,
  useSettings,
  useUpcoming,
} from "./billingApi.ts";
import { isOver, signatureOf } from "./billingWords.ts";
import { BuyCreditsDialog } from "./BuyCreditsDialog.tsx";
import { Contact } from "./Contact.tsx";
import { CreditsPanel } from "./CreditsPanel.tsx";
import { GrantsPanel } from "./GrantsPanel.tsx";
import { InvoicesPanel } from "./InvoicesPanel.tsx";
import { MrrPanel } from "./MrrPanel.tsx";
import { OffersPanel, PayingError } from "./OffersPanel.tsx";
import { PayersPanel } from "./PayersPanel.tsx";
import { PlanPanel } from "./PlanPanel.tsx";
import { ReturnNotice } from "./ReturnNotice.tsx";
import { UpcomingPanel } from "./UpcomingPanel.tsx";
import type { Paying } from "./usePaying.ts";
import { usePaying } from "./usePaying.ts";

const Actions = ({ paying }: { paying: Paying }) => {
  const translate = useTranslate();
  const { data: offers = [] } = useOffers();
  const { data: customers = [] } = useCustomers();
  const [isBuying, setIsBuying] = useState(false);
  const credits = offers.filter(({ kind }) => kind === "credits");
  const hasCustomer = customers.some(({ deleted }) => !deleted);
  const opens = paying.isLeaving && paying.leavingFor?.kind === "portal";
  return (
    <>
      <Box
        sx={{
          display: "flex",
          flexWrap: "wrap",
          gap: 1,
          justifyContent: "flex-end",
          "&:empty": { display: "none" },
          "& > *": { flex: { xs: "1 1 auto", sm: "none" } },
        }}
      >
        {hasCustomer && (
          <Button
            variant="outlined"
            startIcon={<TuneIcon />}
            disabled={paying.isLeaving}
            aria-busy={opens}
            onClick={() => paying.pay({ kind: "portal" })}
          >
            {translate(opens ? "billing.leaving" : "billing.portal")}
          </Button>
        )}
        {credits.length > 0 && (
          <Button
            variant="contained"
            startIcon={<ShoppingCartIcon />}
            disabled={paying.isLeaving}
            onClick={() => setIsBuying(true)}
          >
            {translate("billing.buy")}
          </Button>
        )}
      </Box>
      {paying.error !== null && paying.leavingFor?.kind === "portal" && (
        <PayingError error={paying.error} />
      )}
      {isBuying && (
        <BuyCreditsDialog
          offers={credits}
          paying={paying}
          onClose={() => {
            paying.reset();
            setIsBuying(false);
          }}
        />
      )}
    </>
  );
};

const CannotPay = ({ contact }: { contact: string | null }) => {
  const translate = useTranslate();
  return (
    <Alert severity="info">
      {contact === null ? (
        translate("billing.cannot_pay_nobody")
      ) : (
        <>
          {translate("billing.cannot_pay")} <Contact contact={contact} />
        </>
      )}
    </Alert>
  );
};

const pageGrid = {
  display: "grid",
  gap: 2.5,
  gridTemplateColumns: "minmax(0, 1fr)",
} as const;
const twoColumns = {
  display: "grid",
  gap: 2.5,
  alignItems: "start",
  gridTemplateColumns: {
    xs: "minmax(0, 1fr)",
    lg: "minmax(0, 3fr) minmax(0, 2fr)",
  },
} as const;

/** Everything, for whoever pays: an owner of the brand, or the shopper. */
const Account = ({ owner }: { owner: WalletOwner }) => {
  const { session } = useSession();
  const asked = useSettings();
  const settings = asked.data;
  const { data: plans } = usePlans();
  const { data: offers = [] } = useOffers();
  const { data: upcoming = [] } = useUpcoming();
  const { data: wallet } = useWallet(owner);
  const known = {
    granted: wallet?.granted ?? null,
    plans: plans === undefined ? null : signatureOf(plans),
  };
  const paying = usePaying(owner, known);
  const canPay = settings?.canPay === true ? paying : null;
  const hasPlan = plans?.some((plan) => !isOver(plan)) ?? true;
  const invitation = !offers.some(({ kind }) => kind === "plan")
    ? "billing.none_body_nothing"
    : canPay === null
      ? "billing.none_body_ask"
      : isOfBrand(owner)
        ? "billing.none_body"
        : "billing.none_body_shopper";
  const planPanel = <PlanPanel invitation={invitation} />;
  const offersPanel = <OffersPanel paying={canPay} />;
  return (
    <Box sx={pageGrid}>
      <ReturnNotice
        owner={owner}
        now={known}
        contact={settings?.contact ?? null}
      />
      {canPay !== null && <Actions paying={canPay} />}
      {asked.error !== null && (
        <Loaded query={asked} height={0}>
          {() => null}
        </Loaded>
      )}
      {settings !== undefined && canPay === null && (
        <CannotPay contact={settings.contact} />
      )}
      {hasPlan || upcoming.length > 0 ? (
        <Box sx={twoColumns}>
          {planPanel}
          <UpcomingPanel />
        </Box>
      ) : (
        planPanel
      )}
      {/* Who has no plan is asked to choose one; who has one looks at its use first. */}
      {!hasPlan && offersPanel}
      <Box sx={twoColumns}>
        <CreditsPanel owner={owner} />
        <GrantsPanel namesPrices ofShopper={!isOfBrand(owner)} />
      </Box>
      {hasPlan && offersPanel}
      <InvoicesPanel />
      {session.brand === null ? (
        <PayersPanel />
      ) : (
        <Box sx={twoColumns}>
          <MrrPanel brand={session.brand.name} />
          <PayersPanel />
        </Box>
      )}
    </Box>
  );
};

/** What the plan grants and why, for members who do not pay. */
const Members = ({ brand }: { brand: string }) => {
  const translate = useTranslate();
  const { can } = useSession();
  return (
    <Box sx={{ ...pageGrid, maxWidth: 860 }}>
      <Typography color="textSecondary">
        {translate("billing.members", { brand })}
      </Typography>
      <GrantsPanel namesPrices={false} />
      {can("wallet", "show") && (
        <Box>
          <Button component={LinkBase} to="/wallet" variant="outlined">
            {translate("billing.usage_open_wallet")}
          </Button>
        </Box>
      )}
    </Box>
  );
};

/** Plan and billing of whoever is asking: the active brand's, or their own. */
export const BillingPage = () => {
  const translate = useTranslate();
  const { session, can } = useSession();
  if (!can("billing", "show") || session.user === null) return <DeniedPage />;
  return (
    <Box sx={{ mt: 1 }}>
      <Title title={translate("billing.title")} />
      {can("billing_account", "show") ? (
        <Account
          key={session.brand?.id ?? session.user.id}
          owner={
            session.brand === null
              ? { userId: session.user.id }
              : { brandId: session.brand.id }
          }
        />
      ) : (
        <Members brand={session.brand?.name ?? ""} />
      )}
    </Box>
  );
};
