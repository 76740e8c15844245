import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import TextField from "@mui/material/TextField";
import { useState } from "react";
import { LinkBase, useLocation, useTranslate } from "react-admin";

import { requestPasswordReset, resetPassword } from "../session.ts";
import { AuthForm, PasswordField } from "./AuthForm.tsx";
import { AuthPage } from "./AuthPage.tsx";

const BackToSignIn = () => {
  const translate = useTranslate();
  return (
    <Box sx={{ mt: 2.5 }}>
      <Link component={LinkBase} to="/login">
        {translate("auth.back")}
      </Link>
    </Box>
  );
};

/** The token stands after "#", where no server and no log sees it. */
export const useToken = (): string =>
  new URLSearchParams(useLocation().hash.slice(1)).get("token") ?? "";

export const ForgotPage = () => {
  const translate = useTranslate();
  const [email, setEmail] = useState("");
  const [sent, setSent] = useState(false);
  return (
    <AuthPage
      title={translate("auth.forgot_title")}
      lead={translate("auth.forgot_lead")}
    >
      {sent ? (
        <>
          <Alert severity="success" role="status">
            {translate("auth.forgot_done")}
          </Alert>
          <BackToSignIn />
        </>
      ) : (
        <AuthForm
          submitLabel={translate("auth.forgot_submit")}
          onSubmit={async () => {
            await requestPasswordReset(email.trim().toLowerCase());
            setSent(true);
          }}
          footer={<BackToSignIn />}
        >
          <TextField
            label={translate("auth.email")}
            name="email"
            type="email"
            autoComplete="username"
            required
            size="medium"
            value={email}
            onChange={(event) => setEmail(event.target.value)}
          />
        </AuthForm>
      )}
    </AuthPage>
  );
};

export const ResetPage = () => {
  const translate = useTranslate();
  const token = useToken();
  const [password, setPassword] = useState("");
  const [done, setDone] = useState(false);
  return (
    <AuthPage
      title={translate("auth.reset_title")}
      lead={translate("auth.reset_lead")}
    >
      {token === "" && (
        <Alert severity="warning">{translate("auth.no_token")}</Alert>
      )}
      {done && (
        <Alert severity="success" role="status">
          {translate("auth.reset_done")}
        </Alert>
      )}
      {token !== "" && !done && (
        <AuthForm
          submitLabel={translate("auth.reset_submit")}
          onSubmit={async () => {
            await resetPassword(token, password);
            setDone(true);
          }}
        >
          <PasswordField
            label={translate("auth.new_password")}
            autoComplete="new-password"
            minLength={10}
            value={password}
            onChange={setPassword}
          />
        </AuthForm>
      )}
      <BackToSignIn />
    </AuthPage>
  );
};
