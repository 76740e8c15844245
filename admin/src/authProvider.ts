import type { AuthProvider } from "react-admin";

import { tellSignedOut } from "./auth/otherTabs.ts";
import { noteRefusal } from "./auth/sessionTrouble.ts";
import { canAccess } from "./canAccess.ts";
import { forgetSession, loadSession, signIn, signOut } from "./session.ts";

const statusOf = (error: unknown): number =>
  typeof error === "object" && error !== null && "status" in error
    ? Number(error.status)
    : 0;

export const authProvider: AuthProvider = {
  login: ({ username, password }: { username: string; password: string }) =>
    signIn(username, password),

  async logout() {
    const session = await loadSession().catch(() => null);
    if (session?.user != null) {
      await signOut();
      tellSignedOut();
    }
  },

  async checkAuth() {
    const session = await loadSession();
    if (session.user === null) {
      throw { message: false };
    }
  },

  async checkError(error: unknown) {
    // The page stays, and with it what was typed: SessionDialog asks how to go on.
    if (noteRefusal(error)) return;
    if (statusOf(error) === 401) {
      forgetSession();
      throw { message: "auth.ended" };
    }
    // 403 is shown where it happened: the person stays signed in.
  },

  async getIdentity() {
    const { user } = await loadSession();
    if (user === null) {
      throw new Error("auth.ended");
    }
    return { id: user.id, fullName: user.displayName || user.email };
  },

  getPermissions: () => loadSession(),

  async canAccess({ resource, action }) {
    const session = await loadSession();
    return canAccess(session.role, { resource, action });
  },
};
