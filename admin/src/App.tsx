import { Admin, CustomRoutes, localStorageStore, Resource } from "react-admin";
import { createBrowserRouter, Route, RouterProvider } from "react-router";

import auditLog from "./audit/index.ts";
import { AcceptInvitePage } from "./auth/AcceptInvitePage.tsx";
import { LoginPage } from "./auth/LoginPage.tsx";
import { ForgotPage, ResetPage } from "./auth/PasswordPages.tsx";
import { authProvider } from "./authProvider.ts";
import brands from "./brands/index.ts";
import { BreakGlassPage } from "./breakGlass/BreakGlassPage.tsx";
import { queryClient } from "./connection.ts";
import { dataProvider } from "./dataProvider.ts";
import { Home } from "./home/Home.tsx";
import { i18nProvider } from "./i18n/i18nProvider.ts";
import imports from "./imports/index.ts";
import invitations from "./invitations/index.ts";
import { DeniedPage, ErrorPage, NotFoundPage } from "./layout/ErrorPage.tsx";
import { Layout } from "./layout/Layout.tsx";
import { LoadingPage } from "./layout/LoadingPage.tsx";
import categoryMappings from "./mappings/index.ts";
import members from "./members/index.ts";
import products from "./products/index.ts";
import { ProfilePage } from "./profile/ProfilePage.tsx";
import staff from "./staff/index.ts";
import { darkTheme, lightTheme } from "./theme/theme.ts";
import users from "./users/index.ts";
import wardrobeItems from "./wardrobe/index.ts";

const store = localStorageStore("1", "closetai");

const ClosetAdmin = () => (
  <Admin
    title="ClosetAI"
    authProvider={authProvider}
    dataProvider={dataProvider}
    i18nProvider={i18nProvider}
    queryClient={queryClient}
    store={store}
    lightTheme={lightTheme}
    darkTheme={darkTheme}
    dashboard={Home}
    layout={Layout}
    loading={LoadingPage}
    loginPage={LoginPage}
    catchAll={NotFoundPage}
    accessDenied={DeniedPage}
    error={ErrorPage}
    requireAuth
    disableTelemetry
  >
    <Resource name="products" {...products} />
    <Resource name="imports" {...imports} />
    <Resource name="category_mappings" {...categoryMappings} />
    <Resource name="wardrobe_items" {...wardrobeItems} />
    <Resource name="members" {...members} />
    <Resource name="invitations" {...invitations} />
    <Resource name="brands" {...brands} />
    <Resource name="users" {...users} />
    <Resource name="staff" {...staff} />
    <Resource name="audit_log" {...auditLog} />
    <CustomRoutes>
      <Route path="/profile" element={<ProfilePage />} />
      <Route path="/wardrobe-access" element={<BreakGlassPage />} />
    </CustomRoutes>
    <CustomRoutes noLayout>
      <Route path="/forgot-password" element={<ForgotPage />} />
      <Route path="/reset" element={<ResetPage />} />
      <Route path="/reset-password" element={<ResetPage />} />
      <Route path="/accept-invite" element={<AcceptInvitePage />} />
    </CustomRoutes>
  </Admin>
);

// A data router, because only that can hold back a page with unsaved text.
const router = createBrowserRouter([{ path: "*", element: <ClosetAdmin /> }], {
  basename: "/admin",
});

export const App = () => <RouterProvider router={router} />;
