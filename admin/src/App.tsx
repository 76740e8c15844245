import { Admin, CustomRoutes, localStorageStore } from "react-admin";
import { BrowserRouter, Route } from "react-router";

import { AcceptInvitePage } from "./auth/AcceptInvitePage.tsx";
import { LoginPage } from "./auth/LoginPage.tsx";
import { ForgotPage, ResetPage } from "./auth/PasswordPages.tsx";
import { authProvider } from "./authProvider.ts";
import { queryClient } from "./connection.ts";
import { i18nProvider } from "./i18n/i18nProvider.ts";
import { DeniedPage, ErrorPage, NotFoundPage } from "./layout/ErrorPage.tsx";
import { Layout } from "./layout/Layout.tsx";
import { darkTheme, lightTheme } from "./theme/theme.ts";

const store = localStorageStore("1", "closetai");

export const App = () => (
  <BrowserRouter basename="/admin">
    <Admin
      title="ClosetAI"
      authProvider={authProvider}
      i18nProvider={i18nProvider}
      queryClient={queryClient}
      store={store}
      lightTheme={lightTheme}
      darkTheme={darkTheme}
      layout={Layout}
      loginPage={LoginPage}
      catchAll={NotFoundPage}
      accessDenied={DeniedPage}
      error={ErrorPage}
      requireAuth
      disableTelemetry
    >
      <CustomRoutes noLayout>
        <Route path="/forgot" element={<ForgotPage />} />
        <Route path="/reset" element={<ResetPage />} />
        <Route path="/accept-invite" element={<AcceptInvitePage />} />
      </CustomRoutes>
    </Admin>
  </BrowserRouter>
);
