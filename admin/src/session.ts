import { HttpError } from "react-admin";

export type BrandRole = "viewer" | "analyst" | "manager" | "owner";
export type StaffRole = "support" | "finance" | "privacy" | "admin";
export type AppRole =
  | "anonymous"
  | "user"
  | "viewer"
  | "analyst"
  | "manager"
  | "brand_owner"
  | "staff_support"
  | "staff_finance"
  | "staff_privacy"
  | "staff_admin";

export type SessionUser = {
  id: string;
  email: string;
  displayName: string;
  timezone: string;
};
export type Brand = { id: string; slug: string; name: string };
export type Membership = Brand & { role: BrandRole };
export type DemoAccount = { email: string; label: string };

export type Session = {
  user: SessionUser | null;
  role: AppRole;
  brand: Brand | null;
  brands: Membership[];
  staffRole: StaffRole | null;
  demo: boolean;
  demoAccounts: DemoAccount[];
};

const ROLES: readonly AppRole[] = [
  "anonymous",
  "user",
  "viewer",
  "analyst",
  "manager",
  "brand_owner",
  "staff_support",
  "staff_finance",
  "staff_privacy",
  "staff_admin",
];

/** The server names database roles; an unknown one gets the least. */
export function parseRole(value: unknown): AppRole {
  const name = String(value ?? "").replace(/^closetai_/, "");
  return ROLES.find((role) => role === name) ?? "anonymous";
}

type RawSession = {
  user?: SessionUser | null;
  role?: string;
  brandId?: string | null;
  brands?: Membership[];
  staffRole?: StaffRole | null;
  demo?: boolean;
  demoAccounts?: DemoAccount[];
};

function parseSession(raw: RawSession): Session {
  const brands = raw.brands ?? [];
  return {
    user: raw.user ?? null,
    role: parseRole(raw.role),
    brand: brands.find((brand) => brand.id === raw.brandId) ?? null,
    brands,
    staffRole: raw.staffRole ?? null,
    demo: raw.demo ?? false,
    demoAccounts: raw.demoAccounts ?? [],
  };
}

/** Whom the pages of this tab were opened for, once that is known. */
let acting: Session | null = null;

/**
 * Tells the server for whom this tab acts: the session is one for all tabs, and
 * somebody may sign out, or choose another brand, in the next one. See
 * server/auth/assertActingAs.ts.
 */
export const actingAs = (): Record<string, string> =>
  acting?.user == null
    ? {}
    : { "x-acting-as": `${acting.user.id}/${acting.brand?.id ?? ""}` };

export const actingSession = (): Session | null => acting;

let isLeaving = false;

/**
 * From now on this tab asks nothing more: it is about to be opened anew for
 * somebody else, and what its pages still ask would be refused as another's.
 */
export function leave(leaving: boolean): void {
  isLeaving = leaving;
}

/** As fetch; unanswered for good once the tab is being left. */
export const fetchWhileHere: typeof fetch = (...asked) =>
  isLeaving ? new Promise(() => undefined) : fetch(...asked);

/** The same person, for the same brand. */
export const isSameActor = (one: Session, other: Session): boolean =>
  one.user?.id === other.user?.id && one.brand?.id === other.brand?.id;

type ErrorBody = {
  error?: { code?: string; message?: string; hint?: string; field?: string };
};

/**
 * Calls the server's own routes (not GraphQL) with the session cookie. A
 * refusal becomes an HttpError whose body carries the code, field and hint.
 */
export async function callServer<T>(
  path: string,
  options: {
    method?: "GET" | "POST";
    body?: unknown;
    signal?: AbortSignal;
  } = {},
): Promise<T> {
  let response: Response;
  try {
    const send = path.startsWith("/auth/") ? fetch : fetchWhileHere;
    response = await send(path, {
      method: options.method ?? "GET",
      credentials: "same-origin",
      headers: {
        accept: "application/json",
        // Who signs in or changes brands is just becoming somebody else.
        ...(path.startsWith("/auth/") ? {} : actingAs()),
        ...(options.body === undefined
          ? {}
          : { "content-type": "application/json" }),
      },
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    throw new HttpError("server.unreachable", 503, { code: "DOWN" });
  }
  const text = await response.text();
  let body: unknown;
  try {
    body = text === "" ? null : JSON.parse(text);
  } catch {
    // A proxy's HTML error page is no answer of ours; its status still counts.
    body = null;
  }
  if (!response.ok) {
    const details = (body as ErrorBody | null)?.error;
    throw new HttpError(
      details?.message ??
        (response.status >= 500 ? "server.unreachable" : "server.refused"),
      response.status,
      details ?? {},
    );
  }
  return body as T;
}

let current: Promise<Session> | null = null;

/** The session as the server sees it; asked once, then kept until changed. */
export function loadSession(): Promise<Session> {
  current ??= callServer<RawSession>("/auth/session")
    .then(parseSession)
    .then((session) => (acting = session))
    .catch((error: unknown) => {
      current = null;
      throw error;
    });
  return current;
}

/** Who this browser is now, whomever this tab still acts for. */
export const peekSession = (): Promise<Session> =>
  callServer<RawSession>("/auth/session").then(parseSession);

export function forgetSession(): void {
  current = null;
  acting = null;
}

export async function signIn(email: string, password: string): Promise<void> {
  await callServer("/auth/login", {
    method: "POST",
    body: { email, password },
  });
  forgetSession();
}

export async function signOut(): Promise<void> {
  await callServer("/auth/logout", { method: "POST", body: {} });
  forgetSession();
}

export async function switchBrand(brandId: string | null): Promise<void> {
  await callServer("/auth/brand", { method: "POST", body: { brandId } });
  forgetSession();
}

export const requestPasswordReset = (email: string) =>
  callServer<unknown>("/auth/reset", { method: "POST", body: { email } });

export const resetPassword = (token: string, password: string) =>
  callServer<unknown>("/auth/reset", {
    method: "POST",
    body: { token, password },
  });

export async function changePassword(
  oldPassword: string,
  newPassword: string,
): Promise<void> {
  await callServer("/auth/password", {
    method: "POST",
    body: { oldPassword, newPassword },
  });
  // The old cookie ended with the old password; the answer brought a new one.
  forgetSession();
}

export type InvitationPreview = {
  brandName: string;
  email: string;
  role: BrandRole;
  hasAccount: boolean;
};

export const previewInvitation = (token: string) =>
  callServer<InvitationPreview>("/auth/invitation", {
    method: "POST",
    body: { token },
  });

export async function acceptInvitation(input: {
  token: string;
  displayName?: string;
  password?: string;
}): Promise<void> {
  await callServer("/auth/accept-invite", { method: "POST", body: input });
  forgetSession();
}
