import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import type { RaRecord } from "react-admin";
import {
  Confirm,
  DataTable,
  useDataProvider,
  useDelete,
  useNotify,
  useRefresh,
  useTranslate,
} from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { ListFrame, useIsPhone } from "../components/ListFrame.tsx";
import { ListTools } from "../components/ListTools.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import type { Tone } from "../components/StatusChip.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import type { Member } from "../members/MemberList.tsx";
import { rolesIMaySet } from "../members/MemberList.tsx";
import { useSession } from "../useSession.ts";
import { InviteButton, LinkDialog } from "./InviteDialog.tsx";

type Invitation = RaRecord<string> & {
  email: string;
  role: Member["role"];
  expiresAt: string;
  acceptedAt: string | null;
  createdAt: string;
};

const stateOf = (invitation: Invitation): [Tone, string] => {
  if (invitation.acceptedAt !== null)
    return ["success", "invitations.state.accepted"];
  return new Date(invitation.expiresAt) < new Date()
    ? ["quiet", "invitations.state.expired"]
    : ["info", "invitations.state.open"];
};

const State = ({ invitation }: { invitation: Invitation }) => {
  const [tone, label] = stateOf(invitation);
  return <StatusChip tone={tone} label={label} />;
};

/** In words on a phone, too: it has no icon to stand for them. */
const TakeBackButton = ({ invitation }: { invitation: Invitation }) => {
  const translate = useTranslate();
  const notify = useNotify();
  const refresh = useRefresh();
  const [deleteOne, { isPending }] = useDelete();
  const [open, setOpen] = useState(false);
  const takeBack = () => {
    setOpen(false);
    void deleteOne(
      "invitations",
      { id: invitation.id, previousData: invitation },
      {
        mutationMode: "pessimistic",
        onSuccess: () => {
          notify("invitations.taken_back", { type: "info" });
          refresh();
        },
        onError: (error) => {
          const { message, hint } = errorSentence(error);
          notify(`${message} ${hint}`.trim(), { type: "error" });
        },
      },
    );
  };
  return (
    <>
      <Button size="small" color="error" onClick={() => setOpen(true)}>
        {translate("invitations.take_back")}
      </Button>
      <Confirm
        isOpen={open}
        loading={isPending}
        title="invitations.take_back_title"
        content="invitations.take_back_body"
        confirm="invitations.take_back"
        confirmColor="warning"
        onConfirm={takeBack}
        onClose={() => setOpen(false)}
      />
    </>
  );
};

const RowActions = ({ invitation }: { invitation: Invitation }) => {
  const translate = useTranslate();
  const dataProvider = useDataProvider<AppDataProvider>();
  const notify = useNotify();
  const refresh = useRefresh();
  const { session } = useSession();
  const [link, setLink] = useState<{ token: string | null } | null>(null);
  const { mutate, isPending } = useMutation({
    mutationFn: async () => {
      const answer = await dataProvider.mutate<{ result: string | null }>(
        "renewInvitation",
        { invitationId: invitation.id },
        "result",
      );
      return { token: answer.result };
    },
    onSuccess: (answer) => {
      setLink(answer);
      refresh();
    },
    onError: (error) => {
      const { message, hint } = errorSentence(error);
      notify(`${message} ${hint}`.trim(), { type: "error" });
    },
  });
  if (
    invitation.acceptedAt !== null ||
    !rolesIMaySet(session.role).includes(invitation.role)
  ) {
    return null;
  }
  return (
    <Box sx={{ display: "flex", gap: 0.5, justifyContent: "flex-end" }}>
      <Button size="small" disabled={isPending} onClick={() => mutate()}>
        {translate("invitations.renew")}
      </Button>
      <TakeBackButton invitation={invitation} />
      {link && (
        <LinkDialog
          email={invitation.email}
          token={link.token}
          onClose={() => setLink(null)}
        />
      )}
    </Box>
  );
};

const InvitationActions = () => {
  const { can } = useSession();
  return (
    <ListTools>{can("invitations", "create") && <InviteButton />}</ListTools>
  );
};

const InvitationEmpty = () => {
  const translate = useTranslate();
  const { can } = useSession();
  return (
    <EmptyState
      category="scarves"
      color="sage"
      title={translate("invitations.empty_title")}
      body={translate("invitations.empty_body")}
      action={can("invitations", "create") && <InviteButton />}
    />
  );
};

const InvitationRows = () => {
  const isPhone = useIsPhone();
  const translate = useTranslate();
  if (isPhone) {
    return (
      <PhoneList<Invitation>
        primary={(invitation) => invitation.email}
        secondary={(invitation) => (
          <>
            {translate(`roles.${invitation.role}`)} ·{" "}
            <RelativeTime value={invitation.createdAt} />
          </>
        )}
        aside={(invitation) => (
          <Box sx={{ display: "grid", justifyItems: "end", gap: 0.5 }}>
            <State invitation={invitation} />
            <RowActions invitation={invitation} />
          </Box>
        )}
      />
    );
  }
  return (
    <DataTable<Invitation> rowClick={false} bulkActionButtons={false}>
      <DataTable.Col<Invitation> source="email" disableSort />
      <DataTable.Col<Invitation>
        source="role"
        disableSort
        render={(invitation) => translate(`roles.${invitation.role}`)}
      />
      <DataTable.Col<Invitation>
        label="invitations.state_label"
        render={(invitation) => <State invitation={invitation} />}
      />
      <DataTable.Col<Invitation>
        source="createdAt"
        render={(invitation) => <RelativeTime value={invitation.createdAt} />}
      />
      <DataTable.Col<Invitation>
        source="expiresAt"
        disableSort
        render={(invitation) => <RelativeTime value={invitation.expiresAt} />}
      />
      <DataTable.Col<Invitation>
        label=" "
        align="right"
        render={(invitation) => <RowActions invitation={invitation} />}
      />
    </DataTable>
  );
};

export const InvitationList = () => (
  <ListFrame
    category="scarves"
    actions={<InvitationActions />}
    empty={<InvitationEmpty />}
    sort={{ field: "createdAt", order: "DESC" }}
  >
    <InvitationRows />
  </ListFrame>
);
