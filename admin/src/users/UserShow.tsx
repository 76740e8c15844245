import WalletIcon from "@mui/icons-material/AccountBalanceWalletOutlined";
import KeyIcon from "@mui/icons-material/KeyOutlined";
import PrivacyTipIcon from "@mui/icons-material/PrivacyTipOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import Typography from "@mui/material/Typography";
import { useMutation } from "@tanstack/react-query";
import { useId, useState } from "react";
import type { RaRecord } from "react-admin";
import {
  Confirm,
  LinkBase,
  Show,
  TopToolbar,
  useDataProvider,
  useGetManyReference,
  useNotify,
  useRecordContext,
  useRefresh,
  useTranslate,
  useUpdate,
} from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { CopyField } from "../components/CopyField.tsx";
import { Facts } from "../components/Facts.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { HistorySection } from "../history/HistorySection.tsx";
import { useSession } from "../useSession.ts";
import type { UserRecord } from "./types.ts";
import { UserStatus } from "./UserList.tsx";

const ResetLinkButton = ({ user }: { user: UserRecord }) => {
  const translate = useTranslate();
  const dataProvider = useDataProvider<AppDataProvider>();
  const notify = useNotify();
  const title = useId();
  const { mutate, isPending, data, reset } = useMutation({
    mutationFn: () =>
      dataProvider.mutate<{ result: string }>(
        "issuePasswordResetLink",
        { userId: user.id },
        "result",
      ),
    onError: (error) => {
      const { message, hint } = errorSentence(error);
      notify(`${message} ${hint}`.trim(), { type: "error" });
    },
  });
  return (
    <>
      <Button
        startIcon={<KeyIcon />}
        disabled={isPending}
        onClick={() => mutate()}
      >
        {translate("users.reset_link")}
      </Button>
      {data && (
        <Dialog
          open
          onClose={reset}
          fullWidth
          maxWidth="sm"
          aria-labelledby={title}
        >
          <DialogTitle id={title}>
            {translate("users.reset_link_title")}
          </DialogTitle>
          <DialogContent>
            <DialogContentText sx={{ mb: 2 }}>
              {translate("users.reset_link_body", {
                name: user.displayName || (user.email ?? ""),
              })}
            </DialogContentText>
            <CopyField
              label={translate("users.reset_link")}
              value={`${window.location.origin}/admin/reset#token=${data.result}`}
            />
          </DialogContent>
          <DialogActions>
            <Button variant="contained" onClick={reset}>
              {translate("app.close")}
            </Button>
          </DialogActions>
        </Dialog>
      )}
    </>
  );
};

const SuspendButton = ({ user }: { user: UserRecord }) => {
  const translate = useTranslate();
  const notify = useNotify();
  const refresh = useRefresh();
  const [open, setOpen] = useState(false);
  const [update, { isPending }] = useUpdate<UserRecord>();
  if (user.status === "erased") return null;
  const suspending = user.status === "active";
  const words = suspending ? "suspend" : "reactivate";
  return (
    <>
      <Button
        variant="outlined"
        color={suspending ? "error" : "primary"}
        onClick={() => setOpen(true)}
      >
        {translate(`users.${words}`)}
      </Button>
      <Confirm
        isOpen={open}
        loading={isPending}
        title={translate(`users.${words}_title`, {
          name: user.displayName || (user.email ?? ""),
        })}
        content={translate(`users.${words}_body`)}
        confirm={`users.${words}`}
        onClose={() => setOpen(false)}
        onConfirm={() => {
          void update(
            "users",
            {
              id: user.id,
              data: { ...user, status: suspending ? "suspended" : "active" },
              previousData: user,
            },
            {
              onSuccess: () => {
                setOpen(false);
                refresh();
              },
              onError: (error: unknown) => {
                setOpen(false);
                notify(error instanceof Error ? error.message : "", {
                  type: "error",
                });
              },
            },
          );
        }}
      />
    </>
  );
};

const UserActions = () => {
  const user = useRecordContext<UserRecord>();
  const translate = useTranslate();
  const { can } = useSession();
  if (!user) return <TopToolbar />;
  return (
    <TopToolbar sx={{ flexWrap: "wrap" }}>
      {can("wallets", "show") && (
        <Button
          component={LinkBase}
          to={`/user_credits/${user.id}/show`}
          startIcon={<WalletIcon />}
        >
          {translate("wallet.open")}
        </Button>
      )}
      {can("wardrobe_access", "create") && (
        <Button
          component={LinkBase}
          to={`/wardrobe-access?user=${user.id}`}
          startIcon={<PrivacyTipIcon />}
        >
          {translate("break_glass.menu")}
        </Button>
      )}
      {can("password_resets", "create") && user.status === "active" && (
        <ResetLinkButton user={user} />
      )}
      {can("users", "edit") && <SuspendButton user={user} />}
    </TopToolbar>
  );
};

type Membership = RaRecord<string> & {
  role: string;
  brandId: string;
  brand?: { name: string } | null;
};

const Memberships = ({ user }: { user: UserRecord }) => {
  const translate = useTranslate();
  const { data } = useGetManyReference<Membership>("brand_members", {
    target: "userId",
    id: user.id,
    pagination: { page: 1, perPage: 50 },
    sort: { field: "brandId", order: "ASC" },
    meta: { columns: ["role", "brandId", "brand.name"] },
  });
  if (!data || data.length === 0) return null;
  return (
    <Box component="section" sx={{ mt: 4 }}>
      <Typography component="h3" variant="h5" gutterBottom>
        {translate("users.memberships")}
      </Typography>
      <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
        {data.map((membership) => (
          <Box
            component="li"
            key={membership.id}
            sx={{
              display: "flex",
              justifyContent: "space-between",
              py: 1,
              borderTop: 1,
              borderColor: "divider",
            }}
          >
            <LinkBase
              to={`/brands/${membership.brandId}/show`}
              style={{ color: "inherit" }}
            >
              {membership.brand?.name}
            </LinkBase>
            <Typography variant="body2">
              {translate(`roles.${membership.role}`)}
            </Typography>
          </Box>
        ))}
      </Box>
    </Box>
  );
};

const UserDetails = () => {
  const user = useRecordContext<UserRecord>();
  if (!user) return null;
  return (
    <Box sx={{ p: { xs: 2, md: 3.5 } }}>
      <UserStatus user={user} />
      <Typography
        component="h2"
        variant="h2"
        sx={{ mt: 1, mb: 3, overflowWrap: "anywhere" }}
      >
        {user.displayName || user.email}
      </Typography>
      <Facts
        facts={[
          ["resources.users.fields.email", user.email],
          ["resources.users.fields.timezone", user.timezone],
          [
            "resources.users.fields.lastLoginAt",
            <RelativeTime key="l" value={user.lastLoginAt} />,
          ],
          [
            "resources.users.fields.createdAt",
            <RelativeTime key="c" value={user.createdAt} />,
          ],
          ["resources.users.fields.anonId", user.anonId],
        ]}
      />
      <Memberships user={user} />
    </Box>
  );
};

export const UserShow = () => (
  <Show actions={<UserActions />}>
    <UserDetails />
    <HistorySection />
  </Show>
);
