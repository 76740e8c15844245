import { useMemo } from "react";
import {
  AdminContext,
  AdminUI,
  CustomRoutes,
  localStorageStore,
  Resource,
} from "react-admin";
import {
  createBrowserRouter,
  Route,
  RouterProvider,
  useLocation,
} from "react-router";

import { AcceptInvitePage } from "./auth/AcceptInvitePage.tsx";
import { LoginPage } from "./auth/LoginPage.tsx";
import { ForgotPage, ResetPage } from "./auth/PasswordPages.tsx";
import { authProvider } from "./authProvider.ts";
import { isGenerated } from "./catalog/adopt.ts";
import {
  CatalogProvider,
  useCatalog,
  useIsCatalogPending,
} from "./catalog/CatalogContext.tsx";
import { generatedPages } from "./catalog/generatedPages.ts";
import { MissingPage } from "./catalog/MissingPage.tsx";
import { lazyPage } from "./components/lazyPage.ts";
import { queryClient } from "./connection.ts";
import { dataProvider } from "./dataProvider.ts";
import { Home } from "./home/Home.tsx";
import { i18nProvider } from "./i18n/i18nProvider.ts";
import { DeniedPage, ErrorPage } from "./layout/ErrorPage.tsx";
import { Layout, PageSkeleton } from "./layout/Layout.tsx";
import { LoadingPage } from "./layout/LoadingPage.tsx";
import { hasPages, pages } from "./pages.ts";
import { darkTheme, lightTheme } from "./theme/theme.ts";

const BreakGlassPage = lazyPage(
  () => import("./breakGlass/BreakGlassPage.tsx"),
  "BreakGlassPage",
);
const ProfilePage = lazyPage(
  () => import("./profile/ProfilePage.tsx"),
  "ProfilePage",
);
const WalletPage = lazyPage(
  () => import("./wallet/WalletPage.tsx"),
  "WalletPage",
);
const PersonWalletPage = lazyPage(
  () => import("./wallet/OwnersWalletPage.tsx"),
  "PersonWalletPage",
);
const BrandWalletPage = lazyPage(
  () => import("./wallet/OwnersWalletPage.tsx"),
  "BrandWalletPage",
);
const BillingPage = lazyPage(
  () => import("./billing/BillingPage.tsx"),
  "BillingPage",
);
const ReconcilePage = lazyPage(
  () => import("./wallet/ReconcilePage.tsx"),
  "ReconcilePage",
);
const OperationsPage = lazyPage(
  () => import("./operations/OperationsPage.tsx"),
  "OperationsPage",
);
const BackgroundPage = lazyPage(
  () => import("./background/BackgroundPage.tsx"),
  "BackgroundPage",
);
const WorkerKeysPage = lazyPage(
  () => import("./workerKeys/WorkerKeysPage.tsx"),
  "WorkerKeysPage",
);
const RevenuePage = lazyPage(
  () => import("./revenue/RevenuePage.tsx"),
  "RevenuePage",
);
const LeaderboardPage = lazyPage(
  () => import("./revenue/LeaderboardPage.tsx"),
  "LeaderboardPage",
);
const AccountsPage = lazyPage(
  () => import("./revenue/AccountsPage.tsx"),
  "AccountsPage",
);
const ReconciliationPage = lazyPage(
  () => import("./revenue/ReconciliationPage.tsx"),
  "ReconciliationPage",
);
const store = localStorageStore("1", "closetai");

/** An address may be a table's, as long as the catalogue has not come. */
const UnknownPage = () => {
  const [, resource = ""] = useLocation().pathname.split("/");
  return useIsCatalogPending() ? (
    <PageSkeleton />
  ) : (
    <MissingPage resource={resource} />
  );
};

/** What somebody wrote, then what the catalogue describes beside it. */
const useResources = () => {
  const catalog = useCatalog();
  return useMemo(
    () => [
      ...[...pages].map(([name, own]) => (
        <Resource key={name} name={name} {...own} />
      )),
      ...catalog.resources
        .filter(isGenerated)
        .map((resource) => (
          <Resource
            key={resource.name}
            name={resource.name}
            {...generatedPages(catalog, resource)}
          />
        )),
    ],
    [catalog],
  );
};

const ClosetPages = () => (
  <AdminUI
    title="ClosetAI"
    dashboard={Home}
    layout={Layout}
    loading={LoadingPage}
    loginPage={LoginPage}
    catchAll={UnknownPage}
    accessDenied={DeniedPage}
    error={ErrorPage}
    requireAuth
    disableTelemetry
  >
    {useResources()}
    <CustomRoutes>
      <Route path="/profile" element={<ProfilePage />} />
      <Route path="/wardrobe-access" element={<BreakGlassPage />} />
      <Route path="/wallet" element={<WalletPage />} />
      <Route path="/user_credits/:id/show" element={<PersonWalletPage />} />
      <Route path="/brand_credits/:id/show" element={<BrandWalletPage />} />
      <Route path="/billing" element={<BillingPage />} />
      <Route path="/reconcile" element={<ReconcilePage />} />
      <Route path="/revenue" element={<RevenuePage />} />
      <Route path="/revenue/leaderboard" element={<LeaderboardPage />} />
      <Route path="/revenue/accounts" element={<AccountsPage />} />
      <Route path="/revenue/reconciliation" element={<ReconciliationPage />} />
      <Route path="/operations" element={<OperationsPage />} />
      <Route path="/background" element={<BackgroundPage />} />
      <Route path="/worker_keys" element={<WorkerKeysPage />} />
    </CustomRoutes>
    <CustomRoutes noLayout>
      <Route path="/forgot-password" element={<ForgotPage />} />
      <Route path="/reset" element={<ResetPage />} />
      <Route path="/reset-password" element={<ResetPage />} />
      <Route path="/accept-invite" element={<AcceptInvitePage />} />
    </CustomRoutes>
  </AdminUI>
);

const ClosetAdmin = () => (
  <AdminContext
    authProvider={authProvider}
    dataProvider={dataProvider}
    i18nProvider={i18nProvider}
    queryClient={queryClient}
    store={store}
    lightTheme={lightTheme}
    darkTheme={darkTheme}
  >
    <CatalogProvider hasPages={hasPages}>
      <ClosetPages />
    </CatalogProvider>
  </AdminContext>
);

// A data router, because only that can hold back a page with unsaved text.
const router = createBrowserRouter([{ path: "*", element: <ClosetAdmin /> }], {
  basename: "/admin",
});

/**
 * Without transitions: signing a stranger out navigates and then forgets every
 * query. If the new address only came "some time later", the old page would ask
 * who is there, sign out again, and hold the sign-in page back for seconds.
 */
export const App = () => (
  <RouterProvider router={router} useTransitions={false} />
);
