import ArrowForwardIcon from "@mui/icons-material/ArrowForward";
import Box from "@mui/material/Box";
import ButtonBase from "@mui/material/ButtonBase";
import Link from "@mui/material/Link";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useEffect, useState } from "react";
import { LinkBase, useLogin, useNotify, useTranslate } from "react-admin";

import type { DemoAccount } from "../session.ts";
import { loadSession } from "../session.ts";
import { AuthForm, errorSentence, PasswordField } from "./AuthForm.tsx";
import { AuthPage } from "./AuthPage.tsx";

const demoPassword = "closetai-demo";

/** The sample people of a demo installation: the server says which exist. */
const useDemoAccounts = (): DemoAccount[] => {
  const [accounts, setAccounts] = useState<DemoAccount[]>([]);
  useEffect(() => {
    let mounted = true;
    loadSession().then(
      (session) => {
        if (mounted) setAccounts(session.demo ? session.demoAccounts : []);
      },
      () => {
        // The form itself reports an unreachable server on submit.
        if (mounted) setAccounts([]);
      },
    );
    return () => {
      mounted = false;
    };
  }, []);
  return accounts;
};

const DemoAccounts = ({
  accounts,
  onChoose,
}: {
  accounts: DemoAccount[];
  onChoose: (email: string) => void;
}) => {
  const translate = useTranslate();
  return (
    <Box component="section" aria-labelledby="demo-title" sx={{ mt: 4 }}>
      <Typography
        id="demo-title"
        component="h2"
        variant="overline"
        color="textSecondary"
      >
        {translate("auth.demo_title")}
      </Typography>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1.5 }}>
        {translate("auth.demo_lead")}
      </Typography>
      <Box
        component="ul"
        sx={{
          listStyle: "none",
          m: 0,
          p: 0,
          border: 1,
          borderColor: "divider",
          borderRadius: "12px",
          overflow: "hidden",
          bgcolor: "background.paper",
        }}
      >
        {accounts.map(({ email, label }, index) => (
          <Box component="li" key={email}>
            <ButtonBase
              onClick={() => onChoose(email)}
              sx={{
                width: "100%",
                px: 2,
                py: 0.7,
                justifyContent: "space-between",
                textAlign: "left",
                borderTop: index === 0 ? 0 : 1,
                borderColor: "divider",
                "&:hover": { bgcolor: "action.hover" },
                "&.Mui-focusVisible": { outlineOffset: -3 },
              }}
            >
              <span>
                <Typography
                  component="span"
                  variant="subtitle2"
                  sx={{ display: "block" }}
                >
                  {label}
                </Typography>
                <Typography
                  component="span"
                  variant="caption"
                  color="textSecondary"
                >
                  {email}
                </Typography>
              </span>
              <ArrowForwardIcon
                sx={{ color: "text.secondary", fontSize: 18 }}
              />
            </ButtonBase>
          </Box>
        ))}
      </Box>
    </Box>
  );
};

export const LoginPage = () => {
  const translate = useTranslate();
  const login = useLogin();
  const notify = useNotify();
  const demoAccounts = useDemoAccounts();
  const [email, setEmail] = useState("");
  const [password, setPassword] = useState("");

  const enter = (asEmail: string, asPassword: string) =>
    login({
      username: asEmail.trim().toLowerCase(),
      password: asPassword,
    }) as Promise<void>;

  return (
    <AuthPage title={translate("auth.title")} lead={translate("auth.lead")}>
      <AuthForm
        submitLabel={translate("auth.submit")}
        onSubmit={() => enter(email, password)}
        footer={
          <Box sx={{ mt: 2 }}>
            <Link component={LinkBase} to="/forgot-password">
              {translate("auth.forgot")}
            </Link>
          </Box>
        }
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
        <PasswordField
          label={translate("auth.password")}
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
        />
      </AuthForm>
      {demoAccounts.length > 0 && (
        <DemoAccounts
          accounts={demoAccounts}
          onChoose={(chosen) => {
            setEmail(chosen);
            setPassword(demoPassword);
            enter(chosen, demoPassword).catch((error: unknown) => {
              const { message, hint } = errorSentence(error);
              notify(`${message} ${hint}`.trim(), { type: "error" });
            });
          }}
        />
      )}
    </AuthPage>
  );
};
