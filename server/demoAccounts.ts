/** The sign-ins of the demo data; all have the same, published password. */
export const DEMO_PASSWORD = "closetai-demo";

export const DEMO_ACCOUNTS = [
  { email: "staff@closetai.test", label: "ClosetAI staff" },
  { email: "owner@maison-lumiere.test", label: "Owner of Maison Lumière" },
  { email: "analyst@maison-lumiere.test", label: "Analyst at Maison Lumière" },
  { email: "owner@northside-denim.test", label: "Owner of Northside Denim" },
  { email: "shopper@closetai.test", label: "Shopper" },
] as const;
