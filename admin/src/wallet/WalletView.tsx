import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import { useEffect } from "react";
import { LinkBase, useLocation, useTranslate } from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { useSession } from "../useSession.ts";
import { GrantsPanel } from "./GrantsPanel.tsx";
import { HistoryPanel } from "./HistoryPanel.tsx";
import { UsagePanel } from "./UsagePanel.tsx";
import type { Wallet, WalletOwner } from "./walletApi.ts";
import { isOfBrand, useWallet } from "./walletApi.ts";
import { WalletFigures } from "./WalletFigures.tsx";

/** A figure leads to its rows further down the page. */
const useAnchor = () => {
  const { hash, key } = useLocation();
  useEffect(() => {
    if (hash === "") return;
    document
      .getElementById(hash.slice(1))
      ?.closest("section")
      ?.scrollIntoView({ block: "start" });
  }, [hash, key]);
};

const Notices = ({ owner, wallet }: { owner: WalletOwner; wallet: Wallet }) => {
  const translate = useTranslate();
  const { can } = useSession();
  if (wallet.proUntil !== null) {
    return (
      <Alert severity="success">
        {translate("wallet.pro")} <RelativeTime value={wallet.proUntil} />.
      </Alert>
    );
  }
  if (wallet.remaining > 0) return null;
  return (
    <Alert severity="warning">
      {translate(isOfBrand(owner) ? "wallet.none_brand" : "wallet.none")}
      {wallet.nextReset !== null && (
        <>
          {" "}
          {translate("wallet.next_reset")}{" "}
          <RelativeTime value={wallet.nextReset} />.
        </>
      )}
      {can("billing", "show") && (
        <>
          {" "}
          {translate("wallet.more")}{" "}
          <Link component={LinkBase} to="/billing">
            {translate("billing.title")}
          </Link>
          .
        </>
      )}
    </Alert>
  );
};

/** Everything about one wallet; its policies decide whether it is there. */
export const WalletView = ({ owner }: { owner: WalletOwner }) => {
  const translate = useTranslate();
  const { data: wallet, isPending, error } = useWallet(owner);
  useAnchor();
  if (error !== null) {
    const { message, hint } = errorSentence(error);
    return (
      <Alert severity="error" role="alert">
        {translate(message, { _: message })} {hint}
      </Alert>
    );
  }
  if (!isPending && !wallet) {
    return <Alert severity="info">{translate("wallet.missing")}</Alert>;
  }
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      {wallet && <Notices owner={owner} wallet={wallet} />}
      <WalletFigures owner={owner} wallet={wallet} isPending={isPending} />
      <Box
        sx={{
          display: "grid",
          gap: 2.5,
          alignItems: "start",
          gridTemplateColumns: {
            xs: "minmax(0, 1fr)",
            lg: "minmax(0, 3fr) minmax(0, 2fr)",
          },
        }}
      >
        <UsagePanel owner={owner} />
        <GrantsPanel owner={owner} />
      </Box>
      <HistoryPanel owner={owner} />
    </Box>
  );
};
