import type { ComponentType } from "react";

import { DeniedPage } from "../layout/ErrorPage.tsx";
import { useSession } from "../useSession.ts";

/** A page for finance and administration, who may read the revenue of everybody. */
export const forRevenue = (Page: ComponentType): ComponentType =>
  function RevenueOnly() {
    const { can } = useSession();
    return can("revenue", "list") ? <Page /> : <DeniedPage />;
  };
