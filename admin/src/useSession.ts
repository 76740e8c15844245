import { usePermissions } from "react-admin";

import { canAccess } from "./canAccess.ts";
import type { Session } from "./session.ts";

const nobody: Session = {
  user: null,
  role: "anonymous",
  brand: null,
  brands: [],
  staffRole: null,
  demo: false,
  demoAccounts: [],
};

/** The session of the signed-in person, and what their role meets. */
export const useSession = () => {
  const { permissions, isPending } = usePermissions<Session>();
  const session = permissions ?? nobody;
  return {
    session,
    isPending,
    can: (resource: string, action: string) =>
      canAccess(session.role, { resource, action }),
  };
};
