import PersonAddIcon from "@mui/icons-material/PersonAddOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useId, useState } from "react";
import { useDataProvider, useTranslate } from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { CopyField } from "../components/CopyField.tsx";
import type { AppDataProvider } from "../dataProvider.ts";
import type { Member } from "../members/MemberList.tsx";
import { rolesIMaySet } from "../members/MemberList.tsx";
import { useSession } from "../useSession.ts";

/** The one-time link of an invitation, or that a mail carries it. */
export const LinkDialog = ({
  email,
  token,
  onClose,
}: {
  email: string;
  token: string | null;
  onClose: () => void;
}) => {
  const translate = useTranslate();
  const title = useId();
  return (
    <Dialog
      open
      onClose={onClose}
      fullWidth
      maxWidth="sm"
      aria-labelledby={title}
    >
      <DialogTitle id={title}>
        {translate(
          token === null ? "invitations.sent" : "invitations.link_title",
        )}
      </DialogTitle>
      <DialogContent>
        <DialogContentText sx={{ mb: 2 }}>
          {translate(
            token === null ? "invitations.sent_body" : "invitations.link_body",
            {
              email,
            },
          )}
        </DialogContentText>
        {token !== null && (
          <CopyField
            label={translate("invitations.link")}
            value={`${window.location.origin}/admin/accept-invite#token=${token}`}
          />
        )}
      </DialogContent>
      <DialogActions>
        <Button variant="contained" onClick={onClose}>
          {translate("app.close")}
        </Button>
      </DialogActions>
    </Dialog>
  );
};

/** Into the active brand; or, of staff, the first owner of a brand without one. */
const InviteDialog = ({
  ownerOf,
  onClose,
}: {
  ownerOf?: string;
  onClose: () => void;
}) => {
  const translate = useTranslate();
  const dataProvider = useDataProvider<AppDataProvider>();
  const client = useQueryClient();
  const { session } = useSession();
  const [email, setEmail] = useState("");
  const [role, setRole] = useState<Member["role"]>(
    ownerOf === undefined ? "viewer" : "owner",
  );
  const title = useId();
  const { mutate, isPending, error, data } = useMutation({
    mutationFn: async () => {
      const address = email.trim().toLowerCase();
      const answer = await dataProvider.mutate<{
        result?: { token: string | null } | null;
      }>(
        ownerOf === undefined ? "inviteMember" : "inviteOwner",
        ownerOf === undefined
          ? { email: address, role }
          : { email: address, brandId: ownerOf },
        "result { token }",
      );
      return { token: answer.result?.token ?? null };
    },
    onSuccess: () => client.invalidateQueries({ queryKey: ["invitations"] }),
  });

  if (data)
    return <LinkDialog email={email} token={data.token} onClose={onClose} />;
  const refusal = error === null ? null : errorSentence(error);
  return (
    <Dialog
      open
      onClose={onClose}
      fullWidth
      maxWidth="xs"
      aria-labelledby={title}
      slotProps={{
        paper: {
          component: "form",
          onSubmit: (event: FormEvent) => {
            event.preventDefault();
            mutate();
          },
        },
      }}
    >
      <DialogTitle id={title}>{translate("invitations.invite")}</DialogTitle>
      <DialogContent>
        <DialogContentText sx={{ mb: 1.5 }}>
          {translate("invitations.invite_body")}
        </DialogContentText>
        {refusal && (
          <Alert severity="error" role="alert" sx={{ mb: 1 }}>
            {refusal.message} {refusal.hint}
          </Alert>
        )}
        <Box sx={{ display: "grid", gap: 1 }}>
          <TextField
            autoFocus
            required
            type="email"
            label={translate("auth.email")}
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
          <TextField
            select
            label={translate("invitations.role")}
            value={role}
            onChange={(event) => setRole(event.target.value as Member["role"])}
            helperText={translate(`invitations.role_${role}`)}
          >
            {(ownerOf === undefined
              ? rolesIMaySet(session.role)
              : (["owner"] as const)
            ).map((choice) => (
              <MenuItem key={choice} value={choice}>
                {translate(`roles.${choice}`)}
              </MenuItem>
            ))}
          </TextField>
        </Box>
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{translate("app.cancel")}</Button>
        <Button type="submit" variant="contained" disabled={isPending}>
          {translate("invitations.submit")}
        </Button>
      </DialogActions>
    </Dialog>
  );
};

export const InviteButton = ({ ownerOf }: { ownerOf?: string }) => {
  const translate = useTranslate();
  const [open, setOpen] = useState(false);
  return (
    <>
      <Button
        variant="contained"
        startIcon={<PersonAddIcon />}
        onClick={() => setOpen(true)}
      >
        {translate("invitations.invite")}
      </Button>
      {open && (
        <InviteDialog ownerOf={ownerOf} onClose={() => setOpen(false)} />
      )}
    </>
  );
};
