import Alert from "@mui/material/Alert";
import TextField from "@mui/material/TextField";
import ToggleButton from "@mui/material/ToggleButton";
import ToggleButtonGroup from "@mui/material/ToggleButtonGroup";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useTranslate } from "react-admin";

import { acceptInvitation } from "../session.ts";
import { AuthForm, PasswordField } from "./AuthForm.tsx";
import { AuthPage } from "./AuthPage.tsx";
import { useToken } from "./PasswordPages.tsx";

export const AcceptInvitePage = () => {
  const translate = useTranslate();
  const token = useToken();
  const [known, setKnown] = useState(false);
  const [displayName, setDisplayName] = useState("");
  const [password, setPassword] = useState("");
  return (
    <AuthPage
      title={translate("auth.invite_title")}
      lead={translate("auth.invite_lead")}
    >
      {token === "" ? (
        <Alert severity="warning">{translate("auth.no_token")}</Alert>
      ) : (
        <AuthForm
          submitLabel={translate("auth.invite_submit")}
          onSubmit={async () => {
            await acceptInvitation(
              known ? { token } : { token, displayName: displayName.trim(), password },
            );
            // A new session came with the answer: start over as that person.
            window.location.assign("/admin/");
          }}
        >
          <ToggleButtonGroup
            exclusive
            fullWidth
            size="small"
            value={known}
            onChange={(_event, value: boolean | null) => {
              if (value !== null) setKnown(value);
            }}
            aria-label={translate("auth.invite_title")}
          >
            <ToggleButton value={false}>{translate("auth.invite_new")}</ToggleButton>
            <ToggleButton value={true}>
              {translate("auth.invite_existing")}
            </ToggleButton>
          </ToggleButtonGroup>
          {known ? (
            <Typography variant="body2" color="textSecondary">
              {translate("auth.invite_existing_hint")}
            </Typography>
          ) : (
            <>
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
            </>
          )}
        </AuthForm>
      )}
    </AuthPage>
  );
};
