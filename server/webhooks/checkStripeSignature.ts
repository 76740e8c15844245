import Stripe from "stripe";

/** Older than this, or as far ahead of our clock, is refused. */
export const TOLERANCE_SECONDS = 300;

export type SignatureFault = "bad_signature" | "too_old" | "from_the_future";

/**
 * Whether one of our secrets signed exactly this text just now; null when it is
 * so. Any v1 signature of the header may fit any of the secrets: while a secret
 * is replaced, Stripe signs with both. Other schemes count for nothing.
 */
export function checkStripeSignature(options: {
  /** The body as it came, never written anew. */
  body: string;
  header: string | undefined;
  secrets: readonly string[];
  nowMs?: number;
}): SignatureFault | null {
  const { body, header = "", secrets, nowMs = Date.now() } = options;
  // Only what is well formed reaches the package, which reads "t=12x" as 12 and
  // the last of two times, and throws at a signature of another length.
  const parts = header.split(",");
  const times = parts.filter((part) => part.trimStart().startsWith("t="));
  const signedAt = /^t=(\d{1,12})$/.exec(times[0] ?? "")?.[1];
  const signatures = parts.filter((part) => /^v1=[0-9a-f]{64}$/.test(part));
  if (times.length !== 1 || signedAt === undefined || signatures.length === 0) {
    return "bad_signature";
  }
  const clean = [`t=${signedAt}`, ...signatures].join(",");
  // All secrets are tried, so that the time to answer does not say which fits.
  const signed = secrets.filter((secret) => verify(body, clean, secret));
  if (signed.length === 0) return "bad_signature";
  const age = Math.floor(nowMs / 1_000) - Number(signedAt);
  if (age > TOLERANCE_SECONDS) return "too_old";
  // The package looks at the past only.
  return age < -TOLERANCE_SECONDS ? "from_the_future" : null;
}

/** The package compares in constant time. Age is looked at above: 0 is "off" here. */
function verify(body: string, header: string, secret: string): boolean {
  try {
    return (
      Stripe.webhooks.signature?.verifyHeader(body, header, secret, 0) === true
    );
  } catch (error) {
    if (error instanceof Stripe.errors.StripeSignatureVerificationError) {
      return false;
    }
    throw error;
  }
}
