import type { ReactNode } from "react";
import { useLocale, useTranslate } from "react-admin";

import { Figure } from "../components/Figure.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { formatCount } from "../format.ts";
import { FigureRow } from "../home/FigureRow.tsx";
import { useSession } from "../useSession.ts";
import { jobsLink } from "./jobLinks.ts";
import type { Wallet, WalletOwner } from "./walletApi.ts";
import { isOfBrand } from "./walletApi.ts";

const NextReset = ({ wallet }: { wallet: Wallet }) => {
  const translate = useTranslate();
  if (wallet.nextReset === null) return null;
  return (
    <>
      {translate("wallet.next_short")} <RelativeTime value={wallet.nextReset} />
    </>
  );
};

/** Available, held, used, expired: the wallet at a glance. */
export const WalletFigures = ({
  owner,
  wallet,
  isPending,
}: {
  owner: WalletOwner;
  wallet: Wallet | null | undefined;
  isPending: boolean;
}) => {
  const translate = useTranslate();
  const locale = useLocale();
  const { session } = useSession();
  const actsForBrand = session.brand !== null;
  // A brand pays for what it asks for itself; a shopper for the own ones. Staff
  // see everybody's jobs, so theirs are named.
  const paid = {
    payer: isOfBrand(owner) ? "brand" : "user",
    ...(session.staffRole !== null && !actsForBrand ? owner : {}),
  };
  const figure = (
    name: "available" | "held" | "used" | "expired",
    value: number | undefined,
    to: string,
    detail: ReactNode,
  ) => (
    <Figure
      label={translate(`wallet.${name}`)}
      definition={translate(`wallet.${name}_definition`)}
      to={to}
      value={value}
      isPending={isPending}
      detail={detail}
    />
  );
  return (
    <FigureRow>
      {figure(
        "available",
        wallet?.remaining,
        "#grants",
        wallet && !isOfBrand(owner) ? (
          <NextReset wallet={wallet} />
        ) : (
          translate("wallet.available_detail")
        ),
      )}
      {figure(
        "held",
        wallet?.held,
        jobsLink({ ...paid, status: ["queued", "processing"] }, actsForBrand),
        translate("wallet.held_detail"),
      )}
      {figure(
        "used",
        wallet?.used,
        jobsLink({ ...paid, status: "completed" }, actsForBrand),
        wallet &&
          translate("wallet.used_detail", {
            granted: formatCount(wallet.granted, locale),
          }),
      )}
      {figure(
        "expired",
        wallet?.expired,
        "#history",
        translate("wallet.expired_detail"),
      )}
    </FigureRow>
  );
};
