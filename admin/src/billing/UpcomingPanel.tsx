import AutorenewIcon from "@mui/icons-material/AutorenewOutlined";
import EventBusyIcon from "@mui/icons-material/EventBusyOutlined";
import HourglassIcon from "@mui/icons-material/HourglassBottomOutlined";
import PaymentsIcon from "@mui/icons-material/PaymentsOutlined";
import ReceiptIcon from "@mui/icons-material/ReceiptLongOutlined";
import SellIcon from "@mui/icons-material/SellOutlined";
import TokenIcon from "@mui/icons-material/TokenOutlined";
import PremiumIcon from "@mui/icons-material/WorkspacePremiumOutlined";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import type { ComponentType } from "react";

import { AsOf } from "../components/AsOf.tsx";
import { Definition } from "../components/Definition.tsx";
import { Loaded } from "../components/Loaded.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { Coming } from "./billingApi.ts";
import { useUpcoming } from "./billingApi.ts";
import { useSay } from "./useSay.ts";

const ICONS: Readonly<Record<string, ComponentType>> = {
  renews: AutorenewIcon,
  trial_ends: HourglassIcon,
  ends: EventBusyIcon,
  collection_resumes: PaymentsIcon,
  discount_ends: SellIcon,
  credits: TokenIcon,
  invoice_due: ReceiptIcon,
  pro_begins: PremiumIcon,
  pro_ends: PremiumIcon,
};

/** What is not a plan has words of its own where it has no name. */
const UNNAMED = ["invoice_due", "discount_ends"];

const ComingRow = ({ coming, now }: { coming: Coming; now: number }) => {
  const { translate, charge, day, count } = useSay();
  const Icon = ICONS[coming.kind] ?? AutorenewIcon;
  const isLate = new Date(coming.happensAt).getTime() < now;
  const what =
    UNNAMED.includes(coming.kind) && coming.name === null
      ? `${coming.kind}_unnamed`
      : coming.kind;
  const sum = coming.currency === null ? null : charge(coming);
  return (
    <Box
      component="li"
      sx={{
        display: "flex",
        gap: 1.5,
        py: 1.25,
        borderTop: 1,
        borderColor: "divider",
        "&:first-of-type": { borderTop: 0, pt: 0 },
      }}
    >
      <Box
        aria-hidden="true"
        sx={{ color: "text.secondary", display: "flex", pt: "2px" }}
      >
        <Icon />
      </Box>
      <Box sx={{ flex: 1, minWidth: 0 }}>
        <Typography
          component="span"
          variant="subtitle2"
          sx={{ display: "block", overflowWrap: "anywhere" }}
        >
          {translate(`billing.coming.${what}`, {
            name: coming.name ?? translate("billing.plan_unnamed"),
            credits: count(coming.credits ?? 0),
          })}
        </Typography>
        <Typography component="span" variant="caption" color="textSecondary">
          {day(coming.happensAt)} · <RelativeTime value={coming.happensAt} />
        </Typography>
        {isLate && (
          <Box component="span" sx={{ ml: 1 }}>
            <StatusChip tone="warning" label="billing.late" />
          </Box>
        )}
      </Box>
      {sum !== null && coming.isCollected && (
        <Typography
          component="span"
          variant="body2"
          sx={{
            textAlign: "right",
            flexShrink: 0,
            maxWidth: "45%",
            fontVariantNumeric: "tabular-nums",
          }}
        >
          {sum}
        </Typography>
      )}
    </Box>
  );
};

/** Renewals, ends, credits and what is due, in order of time. */
export const UpcomingPanel = () => {
  const { translate } = useSay();
  const upcoming = useUpcoming();
  return (
    <Panel
      title={translate("billing.upcoming")}
      action={
        <Box sx={{ display: "flex", gap: 1, alignItems: "center" }}>
          <AsOf at={upcoming.dataUpdatedAt} />
          <Definition text={translate("billing.upcoming_definition")} />
        </Box>
      }
      sx={{ minWidth: 0 }}
    >
      <Loaded query={upcoming} height={160}>
        {(rows) =>
          rows.length === 0 ? (
            <Typography color="textSecondary">
              {translate("billing.upcoming_empty")}
            </Typography>
          ) : (
            <Box
              component="ul"
              tabIndex={0}
              aria-label={translate("billing.upcoming")}
              sx={{
                listStyle: "none",
                m: 0,
                p: 0,
                maxHeight: 380,
                overflowY: "auto",
              }}
            >
              {rows.map((coming) => (
                <ComingRow
                  key={`${coming.kind} ${coming.subjectId} ${coming.happensAt}`}
                  coming={coming}
                  now={upcoming.dataUpdatedAt}
                />
              ))}
            </Box>
          )
        }
      </Loaded>
    </Panel>
  );
};
