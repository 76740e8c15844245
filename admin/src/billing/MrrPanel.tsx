import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import Typography from "@mui/material/Typography";
import { LinkBase } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { Definition } from "../components/Definition.tsx";
import { Loaded } from "../components/Loaded.tsx";
import { Panel } from "../components/Panel.tsx";
import type { Movement } from "./billingApi.ts";
import { useMrr, usePlans } from "./billingApi.ts";
import { isOver } from "./billingWords.ts";
import { useSay } from "./useSay.ts";

const USD = "usd";

const MovementRow = ({ movement }: { movement: Movement }) => {
  const { translate, day, money } = useSay();
  const { deltaUsdMinor } = movement;
  return (
    <Box
      component="li"
      sx={{
        display: "flex",
        justifyContent: "space-between",
        gap: 2,
        py: 1,
        borderTop: 1,
        borderColor: "divider",
        "&:first-of-type": { borderTop: 0 },
      }}
    >
      <Box sx={{ minWidth: 0 }}>
        <Typography
          variant="subtitle2"
          component="span"
          sx={{ display: "block" }}
        >
          {translate(
            `billing.mrr_kind.${movement.isTransfer ? "transfer" : movement.kind}`,
          )}
        </Typography>
        <Typography variant="caption" color="textSecondary">
          {day(movement.occurredAt)}
        </Typography>
      </Box>
      <Box sx={{ textAlign: "right", flexShrink: 0 }}>
        <Typography
          variant="body2"
          component="span"
          sx={{ display: "block", fontVariantNumeric: "tabular-nums" }}
        >
          {deltaUsdMinor > 0 ? "+" : "−"}
          {money(Math.abs(deltaUsdMinor), USD)}
        </Typography>
        <Typography variant="caption" color="textSecondary">
          {translate("billing.mrr_then", {
            amount: money(movement.afterUsdMinor, USD),
          })}
        </Typography>
      </Box>
    </Box>
  );
};

/** What the brand's plans come to in a month, and how that came about. */
export const MrrPanel = ({ brand }: { brand: string }) => {
  const { translate, money } = useSay();
  const query = useMrr();
  const { data: plans = [] } = usePlans();
  const isPartial = plans.some((plan) => !plan.isCounted && !isOver(plan));
  return (
    <Panel
      title={translate("billing.mrr", { brand })}
      action={<AsOf at={query.dataUpdatedAt} />}
      sx={{ minWidth: 0 }}
    >
      <Loaded query={query} height={180}>
        {([account]) =>
          account === undefined ? (
            <Typography color="textSecondary">
              {translate("billing.mrr_empty")}
            </Typography>
          ) : (
            <>
              <Typography variant="caption" color="textSecondary">
                {translate("billing.mrr_figure")}{" "}
                <Definition text={translate("billing.mrr_definition")} />
              </Typography>
              <Typography
                component="p"
                variant="h3"
                sx={{ fontVariantNumeric: "tabular-nums lining-nums", mb: 1 }}
              >
                {money(account.mrrUsdMinor, USD)}
              </Typography>
              {isPartial && (
                <Typography variant="body2" color="textSecondary">
                  {translate("billing.mrr_partial")}
                </Typography>
              )}
              <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
                {account.movements.nodes.map((movement) => (
                  <MovementRow key={movement.rowId} movement={movement} />
                ))}
              </Box>
              {account.movements.totalCount >
                account.movements.nodes.length && (
                <Link component={LinkBase} to="/mrr_movements" variant="body2">
                  {translate("billing.mrr_more")}
                </Link>
              )}
            </>
          )
        }
      </Loaded>
    </Panel>
  );
};
