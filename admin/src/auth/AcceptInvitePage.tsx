import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import TextField from "@mui/material/TextField";
import { useEffect, useState } from "react";
import { LinkBase, useTranslate } from "react-admin";

import type { InvitationPreview } from "../session.ts";
import {
  acceptInvitation,
  loadSession,
  previewInvitation,
} from "../session.ts";
import { AuthForm, errorSentence, PasswordField } from "./AuthForm.tsx";
import { AuthPage } from "./AuthPage.tsx";
import { useToken } from "./PasswordPages.tsx";

type State =
  | { kind: "loading" }
  | { kind: "failed"; message: string }
  | { kind: "ready"; invitation: InvitationPreview; signedInAs: string | null };

const useInvitation = (token: string): State => {
  const [state, setState] = useState<State>({ kind: "loading" });
  useEffect(() => {
    let mounted = true;
    if (token === "") return undefined;
    Promise.all([previewInvitation(token), loadSession()]).then(
      ([invitation, session]) => {
        if (mounted) {
          setState({
            kind: "ready",
            invitation,
            signedInAs: session.user?.email ?? null,
          });
        }
      },
      (error: unknown) => {
        const { message, hint } = errorSentence(error);
        if (mounted)
          setState({ kind: "failed", message: `${message}. ${hint}` });
      },
    );
    return () => {
      mounted = false;
    };
  }, [token]);
  return state;
};

export const AcceptInvitePage = () => {
  const translate = useTranslate();
  const token = useToken();
  const state = useInvitation(token);
  const [displayName, setDisplayName] = useState("");
  const [password, setPassword] = useState("");

  const accept = async (account: {
    displayName?: string;
    password?: string;
  }) => {
    await acceptInvitation({ token, ...account });
    // A new session came with the answer: start over as that person.
    window.location.assign("/admin/");
  };

  const lead =
    state.kind === "ready"
      ? translate("auth.invite_lead_to", {
          brand: state.invitation.brandName,
          role: translate(`roles.${state.invitation.role}`),
          email: state.invitation.email,
        })
      : translate("auth.invite_lead");

  const mustSignIn =
    state.kind === "ready" &&
    state.invitation.hasAccount &&
    state.signedInAs !== state.invitation.email;

  return (
    <AuthPage title={translate("auth.invite_title")} lead={lead}>
      {token === "" && (
        <Alert severity="warning">{translate("auth.no_token")}</Alert>
      )}
      {token !== "" && state.kind === "loading" && (
        <Skeleton variant="rounded" height={160} />
      )}
      {state.kind === "failed" && (
        <Alert severity="error" role="alert">
          {state.message}
        </Alert>
      )}
      {mustSignIn && (
        <>
          <Alert severity="info" sx={{ mb: 2 }}>
            {translate("auth.invite_existing_hint")}
          </Alert>
          <Button
            component={LinkBase}
            to="/login"
            variant="contained"
            size="large"
            fullWidth
          >
            {translate("auth.submit")}
          </Button>
        </>
      )}
      {state.kind === "ready" && state.invitation.hasAccount && !mustSignIn && (
        <AuthForm
          submitLabel={translate("auth.invite_submit")}
          onSubmit={() => accept({})}
        >
          {null}
        </AuthForm>
      )}
      {state.kind === "ready" && !state.invitation.hasAccount && (
        <AuthForm
          submitLabel={translate("auth.invite_submit")}
          onSubmit={() => accept({ displayName: displayName.trim(), password })}
        >
          <TextField
            label={translate("auth.invite_name")}
            name="name"
            autoComplete="name"
            required
            size="medium"
            value={displayName}
            onChange={(event) => setDisplayName(event.target.value)}
            slotProps={{ htmlInput: { maxLength: 100 } }}
          />
          <PasswordField
            label={translate("auth.new_password")}
            autoComplete="new-password"
            minLength={10}
            value={password}
            onChange={setPassword}
          />
        </AuthForm>
      )}
    </AuthPage>
  );
};
