import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import MenuItem from "@mui/material/MenuItem";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { RaRecord } from "react-admin";
import {
  Confirm,
  DataTable,
  SearchInput,
  useDataProvider,
  useNotify,
  useTranslate,
} from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { ListFrame, useIsPhone } from "../components/ListFrame.tsx";
import { ListTools } from "../components/ListTools.tsx";
import { PersonCell } from "../components/PersonCell.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { PlainSelect } from "../components/PlainSelect.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import { InviteButton } from "../invitations/InviteDialog.tsx";
import { useSession } from "../useSession.ts";

export type Member = RaRecord<string> & {
  brandId: string;
  userId: string;
  displayName: string;
  email: string | null;
  role: "viewer" | "analyst" | "manager" | "owner";
  status: string;
  lastLoginAt: string | null;
  createdAt: string;
  updatedAt: string;
};

const ROLES = ["viewer", "analyst", "manager", "owner"] as const;

/** Managers handle viewers and analysts; owners handle everybody. */
export const rolesIMaySet = (role: string): readonly Member["role"][] =>
  role === "brand_owner"
    ? ROLES
    : role === "manager"
      ? ["viewer", "analyst"]
      : [];

const useMemberWrite = () => {
  const dataProvider = useDataProvider<AppDataProvider>();
  const client = useQueryClient();
  const notify = useNotify();
  return useMutation({
    mutationFn: ({
      member,
      role,
    }: {
      member: Member;
      role: Member["role"] | null;
    }) =>
      role === null
        ? dataProvider.mutate(
            "deleteBrandMember",
            { brandId: member.brandId, userId: member.userId },
            "clientMutationId",
          )
        : dataProvider.mutate(
            "updateBrandMember",
            {
              brandId: member.brandId,
              userId: member.userId,
              patch: { role, updatedAt: member.updatedAt },
            },
            "clientMutationId",
          ),
    onSuccess: (_answer, { role }) => {
      notify(role === null ? "members.removed" : "members.changed", {
        type: "success",
      });
    },
    onError: (error) => {
      const { message, hint } = errorSentence(error);
      notify(`${message} ${hint}`.trim(), { type: "error" });
    },
    onSettled: () => client.invalidateQueries({ queryKey: ["members"] }),
  });
};

const useMayHandle = () => {
  const { session } = useSession();
  const roles = rolesIMaySet(session.role);
  return (member: Member) =>
    roles.includes(member.role) && member.userId !== session.user?.id;
};

const RoleCell = ({ member }: { member: Member }) => {
  const translate = useTranslate();
  const { session } = useSession();
  const { mutate, isPending } = useMemberWrite();
  const mayHandle = useMayHandle();
  const roleName = (role: string) => translate(`roles.${role}`);
  if (!mayHandle(member)) return <>{roleName(member.role)}</>;
  return (
    <PlainSelect
      margin="none"
      name={translate("members.role_of", {
        name: member.displayName || (member.email ?? ""),
      })}
      value={member.role}
      disabled={isPending}
      onSelect={(role) => mutate({ member, role: role as Member["role"] })}
      sx={{ width: 140 }}
    >
      {rolesIMaySet(session.role).map((role) => (
        <MenuItem key={role} value={role}>
          {roleName(role)}
        </MenuItem>
      ))}
    </PlainSelect>
  );
};

const RemoveButton = ({ member }: { member: Member }) => {
  const translate = useTranslate();
  const { mutate, isPending } = useMemberWrite();
  const mayHandle = useMayHandle();
  const [open, setOpen] = useState(false);
  if (!mayHandle(member)) return null;
  const name = member.displayName || (member.email ?? "");
  return (
    <>
      <Button
        size="small"
        color="error"
        onClick={() => setOpen(true)}
        aria-label={translate("members.remove_name", { name })}
      >
        {translate("members.remove")}
      </Button>
      <Confirm
        isOpen={open}
        loading={isPending}
        title={translate("members.remove_title", { name })}
        content={translate("members.remove_body")}
        confirm="members.remove"
        confirmColor="warning"
        onConfirm={() => {
          setOpen(false);
          mutate({ member, role: null });
        }}
        onClose={() => setOpen(false)}
      />
    </>
  );
};

const MemberActions = () => {
  const { can } = useSession();
  return (
    <ListTools>{can("invitations", "create") && <InviteButton />}</ListTools>
  );
};

const MemberRows = () => {
  const isPhone = useIsPhone();
  if (isPhone) {
    return (
      <PhoneList<Member>
        primary={(member) => member.displayName || member.email}
        secondary={(member) => member.email}
        aside={(member) => (
          <Box sx={{ display: "grid", justifyItems: "end", gap: 0.5 }}>
            <RoleCell member={member} />
            <RemoveButton member={member} />
          </Box>
        )}
      />
    );
  }
  return (
    <DataTable<Member> rowClick={false} bulkActionButtons={false}>
      <DataTable.Col<Member>
        source="displayName"
        disableSort
        render={(member) => (
          <PersonCell name={member.displayName} email={member.email} />
        )}
      />
      <DataTable.Col<Member>
        source="role"
        disableSort
        render={(member) => <RoleCell member={member} />}
      />
      <DataTable.Col<Member>
        source="status"
        disableSort
        render={(member) => (
          <StatusChip
            tone={member.status === "active" ? "success" : "warning"}
            label={`users.status.${member.status}`}
          />
        )}
      />
      <DataTable.Col<Member>
        source="lastLoginAt"
        disableSort
        render={(member) => <RelativeTime value={member.lastLoginAt} />}
      />
      <DataTable.Col<Member>
        source="createdAt"
        label="members.joined"
        disableSort
        render={(member) => <RelativeTime value={member.createdAt} />}
      />
      <DataTable.Col<Member>
        label=" "
        align="right"
        render={(member) => <RemoveButton member={member} />}
      />
    </DataTable>
  );
};

export const MemberList = () => {
  const translate = useTranslate();
  return (
    <ListFrame
      category="jackets"
      actions={<MemberActions />}
      empty={false}
      filters={[
        <SearchInput
          key="q"
          source="q"
          alwaysOn
          placeholder={translate("members.search")}
          sx={{ minWidth: { xs: "100%", sm: 260 } }}
        />,
      ]}
      sort={{ field: "userId", order: "ASC" }}
    >
      <MemberRows />
    </ListFrame>
  );
};
