import CheckCircleIcon from "@mui/icons-material/CheckCircleOutlined";
import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useState } from "react";
import { LinkBase, useTranslate } from "react-admin";

import { AsOf } from "../components/AsOf.tsx";
import { Money } from "../components/Money.tsx";
import { Panel } from "../components/Panel.tsx";
import { useRisk } from "../revenue/revenueApi.ts";
import { useRevenueWords } from "../revenue/words.ts";
import { useDisputed, useUnlinked } from "./customersApi.ts";
import { LinkButton } from "./LinkButton.tsx";
import type { Disputed, Unlinked } from "./types.ts";

const pageOf = (id: string) =>
  `/stripe_customers/${encodeURIComponent(id)}/show`;

/** One customer to decide about: who it is, what it pays, what to do. */
const Row = ({
  customerId,
  name,
  detail,
  mrrUsdMinor,
  why,
  action,
}: {
  customerId: string;
  name: string;
  detail: ReactNode;
  mrrUsdMinor: number;
  why: ReactNode;
  action: ReactNode;
}) => (
  <Box
    component="li"
    sx={{
      display: "grid",
      gridTemplateColumns: {
        xs: "minmax(0, 1fr) auto",
        md: "minmax(0, 4fr) minmax(90px, auto) minmax(0, 4fr) auto",
      },
      columnGap: 2,
      rowGap: 1,
      alignItems: "center",
      py: 1.5,
      borderTop: 1,
      borderColor: "divider",
      "&:first-of-type": { borderTop: 0 },
    }}
  >
    <Box sx={{ minWidth: 0 }}>
      <Link
        component={LinkBase}
        to={pageOf(customerId)}
        color="inherit"
        sx={{ fontWeight: 600, overflowWrap: "anywhere" }}
      >
        {name}
      </Link>
      <Typography
        variant="caption"
        color="textSecondary"
        component="div"
        sx={{ overflowWrap: "anywhere" }}
      >
        {detail}
      </Typography>
    </Box>
    <Box sx={{ textAlign: "right", fontWeight: 600 }}>
      <Money minor={mrrUsdMinor} currency="usd" />
    </Box>
    <Typography
      variant="body2"
      color="textSecondary"
      component="div"
      sx={{
        gridColumn: { xs: "1 / -1", md: "auto" },
        overflowWrap: "anywhere",
      }}
    >
      {why}
    </Typography>
    <Box sx={{ gridColumn: { xs: "1 / -1", md: "auto" } }}>{action}</Box>
  </Box>
);

const UnlinkedRow = ({ customer }: { customer: Unlinked }) => {
  const translate = useTranslate();
  const name = customer.name || customer.email || customer.customerId;
  const suggested =
    customer.suggestedBrandId === null && customer.suggestedUserId === null
      ? null
      : {
          brandId: customer.suggestedBrandId,
          userId: customer.suggestedUserId,
        };
  return (
    <Row
      customerId={customer.customerId}
      name={name}
      detail={`${customer.email ?? customer.customerId} · ${translate(
        "revenue.risk.subscriptions",
        { smart_count: customer.subscriptions },
      )}`}
      mrrUsdMinor={customer.mrrUsdMinor}
      why={
        suggested === null
          ? translate("customers.suggest.none")
          : translate(`customers.suggest.${customer.suggestedWhy ?? ""}`, {
              name: customer.suggestedName ?? "",
            }) +
            (customer.suggestions > 1
              ? ` ${translate("customers.suggest.more", { smart_count: customer.suggestions - 1 })}`
              : "")
      }
      action={
        <LinkButton
          customerId={customer.customerId}
          name={name}
          suggested={suggested}
          label={translate("customers.link.button")}
          variant={suggested === null ? "outlined" : "contained"}
        />
      }
    />
  );
};

const DisputedRow = ({ customer }: { customer: Disputed }) => {
  const translate = useTranslate();
  return (
    <Row
      customerId={customer.customerId}
      name={customer.email ?? customer.customerId}
      detail={customer.customerId}
      mrrUsdMinor={customer.mrrUsdMinor}
      why={translate("customers.disputed.says", {
        owner: customer.ownerName ?? "",
        named: customer.namedName ?? "",
      })}
      action={
        <LinkButton
          customerId={customer.customerId}
          name={customer.email ?? customer.customerId}
          suggested={{
            brandId: customer.namedBrandId,
            userId: customer.namedUserId,
          }}
          label={translate("customers.link.relink")}
        />
      }
    />
  );
};

const list = { listStyle: "none", m: 0, p: 0 } as const;

/** Money that belongs to nobody yet: who it may belong to, and one click to say so. */
export const UnlinkedPanel = () => {
  const translate = useTranslate();
  const { usd } = useRevenueWords();
  const [page, setPage] = useState(0);
  const { data, error } = useUnlinked(page);
  const { data: risk } = useRisk();
  return (
    <Panel
      title={translate("customers.unlinked.title")}
      action={risk && <AsOf at={risk.asOf} />}
    >
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1 }}>
        {risk === undefined
          ? translate("customers.unlinked.body")
          : translate("customers.unlinked.waiting", {
              mrr: usd(risk.unlinkedUsdMinor),
              smart_count: risk.unlinkedCustomers,
            })}
      </Typography>
      {error !== null ? (
        <Alert severity="error" role="alert">
          {translate(error.message, { _: error.message })}
        </Alert>
      ) : data === undefined ? (
        <Skeleton variant="rounded" height={180} />
      ) : data.rows.length === 0 ? (
        <Box sx={{ display: "flex", gap: 1.5, alignItems: "center", py: 1 }}>
          <CheckCircleIcon sx={{ color: "success.main" }} />
          <Typography>{translate("customers.unlinked.none")}</Typography>
        </Box>
      ) : (
        <>
          <Box component="ul" sx={list}>
            {data.rows.map((customer) => (
              <UnlinkedRow key={customer.customerId} customer={customer} />
            ))}
          </Box>
          {(page > 0 || data.hasMore) && (
            <Box sx={{ display: "flex", gap: 1, mt: 1 }}>
              <Button
                size="small"
                disabled={page === 0}
                onClick={() => setPage(page - 1)}
              >
                {translate("ra.navigation.previous")}
              </Button>
              <Button
                size="small"
                disabled={!data.hasMore}
                onClick={() => setPage(page + 1)}
              >
                {translate("ra.navigation.next")}
              </Button>
            </Box>
          )}
        </>
      )}
    </Panel>
  );
};

/** Where the newest event and the link do not agree; absent where all do. */
export const DisputedPanel = () => {
  const translate = useTranslate();
  const { data } = useDisputed();
  if (data === undefined || data.length === 0) return null;
  return (
    <Panel title={translate("customers.disputed.title")}>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1 }}>
        {translate("customers.disputed.body")}
      </Typography>
      <Box component="ul" sx={list}>
        {data.map((customer) => (
          <DisputedRow key={customer.customerId} customer={customer} />
        ))}
      </Box>
    </Panel>
  );
};
