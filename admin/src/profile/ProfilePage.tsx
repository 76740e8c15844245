import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  maxLength,
  SaveButton,
  SimpleForm,
  TextInput,
  Title,
  Toolbar,
  useTranslate,
} from "react-admin";

import { AuthForm, PasswordField } from "../auth/AuthForm.tsx";
import { Panel } from "../components/Panel.tsx";
import { RecordEdit } from "../components/RecordEdit.tsx";
import { TimezoneInput } from "../components/TimezoneInput.tsx";
import { changePassword, forgetSession } from "../session.ts";
import { useSession } from "../useSession.ts";

const PasswordPanel = () => {
  const translate = useTranslate();
  const [oldPassword, setOldPassword] = useState("");
  const [newPassword, setNewPassword] = useState("");
  const [done, setDone] = useState(false);
  return (
    <Panel title={translate("profile.password")}>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 2 }}>
        {translate("profile.password_body")}
      </Typography>
      {done && (
        <Alert severity="success" role="status" sx={{ mb: 2 }}>
          {translate("profile.password_done")}
        </Alert>
      )}
      <AuthForm
        submitLabel={translate("profile.password_save")}
        onSubmit={async () => {
          await changePassword(oldPassword, newPassword);
          setOldPassword("");
          setNewPassword("");
          setDone(true);
        }}
      >
        <PasswordField
          label={translate("profile.old_password")}
          autoComplete="current-password"
          value={oldPassword}
          onChange={setOldPassword}
        />
        <PasswordField
          label={translate("auth.new_password")}
          autoComplete="new-password"
          minLength={10}
          value={newPassword}
          onChange={setNewPassword}
        />
      </AuthForm>
    </Panel>
  );
};

/** Stands below its own fields on a phone, too: there is another form beneath. */
const ProfileToolbar = () => (
  <Toolbar sx={{ "&&.RaToolbar-mobileToolbar": { position: "static" } }}>
    <SaveButton />
  </Toolbar>
);

export const ProfilePage = () => {
  const translate = useTranslate();
  const client = useQueryClient();
  const { session } = useSession();
  if (session.user === null) return null;
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        maxWidth: 1000,
        alignItems: "start",
        gridTemplateColumns: {
          xs: "minmax(0,1fr)",
          md: "repeat(2, minmax(0,1fr))",
        },
      }}
    >
      <Title title={translate("menu.profile")} />
      <Box
        component="section"
        aria-label={translate("profile.about")}
        sx={{ "&& .RaEdit-noActions": { mt: 0 } }}
      >
        <RecordEdit
          resource="users"
          id={session.user.id}
          title=" "
          actions={false}
          // Everybody may edit the own row, whatever the role may do to others.
          disableAuthentication
          redirect={false}
          mutationOptions={{
            onSuccess: () => {
              forgetSession();
              void client.invalidateQueries();
            },
          }}
        >
          <SimpleForm toolbar={<ProfileToolbar />}>
            <Typography component="h2" variant="h5" sx={{ mb: 1 }}>
              {translate("profile.about")}
            </Typography>
            <TextInput source="displayName" validate={maxLength(100)} />
            <TextInput
              source="email"
              readOnly
              helperText="profile.email_hint"
            />
            <TimezoneInput />
          </SimpleForm>
        </RecordEdit>
      </Box>
      <PasswordPanel />
    </Box>
  );
};
