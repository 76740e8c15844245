import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";

import { Loaded } from "../components/Loaded.tsx";
import { Panel } from "../components/Panel.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import { useCustomers } from "./billingApi.ts";
import { useSay } from "./useSay.ts";

/** The customers at Stripe: who gets the invoices, and in which currency. */
export const PayersPanel = () => {
  const { translate } = useSay();
  const customers = useCustomers();
  return (
    <Panel title={translate("billing.payers")} sx={{ minWidth: 0 }}>
      <Loaded query={customers} height={90}>
        {(rows) =>
          rows.length === 0 ? (
            <Typography color="textSecondary">
              {translate("billing.payers_empty")}
            </Typography>
          ) : (
            <>
              <Typography variant="body2" color="textSecondary" sx={{ mb: 1 }}>
                {translate("billing.payers_body")}
              </Typography>
              <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
                {rows.map((customer) => (
                  <Box
                    component="li"
                    key={customer.rowId}
                    sx={{
                      py: 1.25,
                      borderTop: 1,
                      borderColor: "divider",
                      "&:first-of-type": { borderTop: 0 },
                      overflowWrap: "anywhere",
                    }}
                  >
                    <Box
                      sx={{
                        display: "flex",
                        flexWrap: "wrap",
                        gap: 1,
                        alignItems: "center",
                        justifyContent: "space-between",
                      }}
                    >
                      <Typography variant="subtitle2" component="span">
                        {customer.name ?? translate("billing.payer_unnamed")}
                      </Typography>
                      {customer.deleted ? (
                        <StatusChip
                          tone="warning"
                          label="billing.payer_deleted"
                        />
                      ) : (
                        customer.currency !== null && (
                          <Typography
                            variant="caption"
                            component="span"
                            color="textSecondary"
                          >
                            {customer.currency.toUpperCase()}
                          </Typography>
                        )
                      )}
                    </Box>
                    <Typography
                      variant="body2"
                      component="span"
                      color="textSecondary"
                    >
                      {customer.email ?? translate("billing.payer_no_email")}
                    </Typography>
                  </Box>
                ))}
              </Box>
            </>
          )
        }
      </Loaded>
    </Panel>
  );
};
