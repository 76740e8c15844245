/** One step of a reckoning, as the database tells it; amounts in minor units. */
export type Tier = {
  above: number;
  up_to: number | null;
  units: number;
  unit_amount: number;
  flat_amount: number;
  amount: number;
};

export type Step =
  | { step: "status"; status: string; counts: boolean }
  | {
      step: "item";
      item: string;
      price: string;
      quantity: number | null;
      counted: number;
      transform: { divide_by?: number; round?: string } | null;
      unit_amount: number | null;
      tiers_mode: string | null;
      tiers: Tier[] | null;
      interval: string;
      interval_count: number;
      amount: number;
    }
  | {
      step: "left_out";
      item: string;
      price: string;
      why: "metered" | "one_off";
    }
  | {
      step: "discount";
      /** Null: of the whole subscription. */
      item: string | null;
      kind: "percent" | "amount" | null;
      percent_off: number | null;
      amount_off: number | null;
      coupon_id: string | null;
      duration: string | null;
      amount: number;
    }
  | {
      step: "interval";
      interval: string;
      interval_count: number;
      charged: number;
      /** So many of these intervals make a year. */
      a_year: number;
      amount: number;
    }
  | { step: "rounding"; exact: number; amount: number }
  | {
      step: "currency";
      currency: string;
      rate: number;
      rate_date: string | null;
      amount: number;
      usd_minor: number;
    }
  | { step: "review"; note: string };
