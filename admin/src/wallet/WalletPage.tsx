import Box from "@mui/material/Box";
import { Title, useTranslate } from "react-admin";

import { DeniedPage } from "../layout/ErrorPage.tsx";
import { useSession } from "../useSession.ts";
import { WalletView } from "./WalletView.tsx";

/** The wallet of whoever is asking: the active brand's, or their own. */
export const WalletPage = () => {
  const translate = useTranslate();
  const { session, can } = useSession();
  if (!can("wallet", "show") || session.user === null) return <DeniedPage />;
  return (
    <Box sx={{ mt: 1 }}>
      <Title title={translate("wallet.title")} />
      <WalletView
        owner={
          session.brand === null
            ? { userId: session.user.id }
            : { brandId: session.brand.id }
        }
      />
    </Box>
  );
};
