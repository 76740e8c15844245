import ArrowBackIcon from "@mui/icons-material/ArrowBack";
import TuneIcon from "@mui/icons-material/TuneOutlined";
import WorkspacePremiumIcon from "@mui/icons-material/WorkspacePremiumOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useState } from "react";
import {
  LinkBase,
  Title,
  useGetOne,
  useParams,
  useTranslate,
} from "react-admin";

import type { BrandRecord } from "../brands/types.ts";
import { DeniedPage } from "../layout/ErrorPage.tsx";
import type { UserRecord } from "../users/types.ts";
import { useSession } from "../useSession.ts";
import { AdjustDialog } from "./AdjustDialog.tsx";
import { ProDialog } from "./ProDialog.tsx";
import type { WalletOwner } from "./walletApi.ts";
import { WalletView } from "./WalletView.tsx";

const Actions = ({ owner, name }: { owner: WalletOwner; name: string }) => {
  const translate = useTranslate();
  const [open, setOpen] = useState<"adjust" | "pro" | null>(null);
  const close = () => setOpen(null);
  return (
    <>
      {"userId" in owner && (
        <Button
          variant="outlined"
          startIcon={<WorkspacePremiumIcon />}
          onClick={() => setOpen("pro")}
        >
          {translate("wallet.pro_action")}
        </Button>
      )}
      <Button
        variant="contained"
        startIcon={<TuneIcon />}
        onClick={() => setOpen("adjust")}
      >
        {translate("wallet.adjust")}
      </Button>
      {open === "adjust" && (
        <AdjustDialog owner={owner} name={name} onClose={close} />
      )}
      {open === "pro" && "userId" in owner && (
        <ProDialog userId={owner.userId} name={name} onClose={close} />
      )}
    </>
  );
};

/** Staff look at the wallet of somebody else; finance corrects it. */
const OwnersWallet = ({
  owner,
  name,
  page,
}: {
  owner: WalletOwner;
  name: string;
  /** Of the person or brand. */
  page: string;
}) => {
  const translate = useTranslate();
  const { can } = useSession();
  return (
    <Box sx={{ mt: 1 }}>
      <Title title={translate("wallet.title_of", { name })} />
      <Box
        sx={{
          display: "flex",
          flexWrap: "wrap",
          gap: 1,
          alignItems: "center",
          mb: 2.5,
        }}
      >
        <Button component={LinkBase} to={page} startIcon={<ArrowBackIcon />}>
          {name}
        </Button>
        <Box sx={{ flex: 1 }} />
        {can("credit_corrections", "create") && (
          <Actions owner={owner} name={name} />
        )}
      </Box>
      <WalletView owner={owner} />
    </Box>
  );
};

export const PersonWalletPage = () => {
  const { id = "" } = useParams();
  const { can } = useSession();
  const { data: user } = useGetOne<UserRecord>(
    "users",
    { id },
    { enabled: can("users", "show") },
  );
  if (!can("wallets", "show")) return <DeniedPage />;
  return (
    <OwnersWallet
      owner={{ userId: id }}
      name={user ? user.displayName || (user.email ?? "") : "…"}
      page={`/users/${id}/show`}
    />
  );
};

export const BrandWalletPage = () => {
  const { id = "" } = useParams();
  const { can } = useSession();
  const { data: brand } = useGetOne<BrandRecord>(
    "brands",
    { id },
    { enabled: can("brands", "show") },
  );
  if (!can("wallets", "show")) return <DeniedPage />;
  return (
    <OwnersWallet
      owner={{ brandId: id }}
      name={brand?.name ?? "…"}
      page={`/brands/${id}/show`}
    />
  );
};
