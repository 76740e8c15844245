import OpenInNewIcon from "@mui/icons-material/OpenInNewOutlined";
import PdfIcon from "@mui/icons-material/PictureAsPdfOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Link from "@mui/material/Link";
import Table from "@mui/material/Table";
import TableBody from "@mui/material/TableBody";
import TableCell from "@mui/material/TableCell";
import TableHead from "@mui/material/TableHead";
import TableRow from "@mui/material/TableRow";
import Typography from "@mui/material/Typography";

import { AsOf } from "../components/AsOf.tsx";
import { EmptyState } from "../components/EmptyState.tsx";
import { useIsPhone } from "../components/ListFrame.tsx";
import { Loaded } from "../components/Loaded.tsx";
import { Money } from "../components/Money.tsx";
import { Panel } from "../components/Panel.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import type { Invoice, Refund } from "./billingApi.ts";
import { useInvoices, useRefunds } from "./billingApi.ts";
import { askedBy, httpsUrl, invoiceState } from "./billingWords.ts";
import { useSay } from "./useSay.ts";

/** Stripe's own pages; an address that is none of https is no link. */
const Papers = ({ invoice }: { invoice: Invoice }) => {
  const { translate } = useSay();
  const number = invoice.number ?? translate("billing.invoice_unnumbered");
  const hosted = httpsUrl(invoice.hostedUrl);
  const pdf = httpsUrl(invoice.pdfUrl);
  const icon = { fontSize: 16, verticalAlign: "-3px", mr: 0.5 } as const;
  return (
    <Box sx={{ display: "flex", flexWrap: "wrap", columnGap: 2, rowGap: 0.5 }}>
      {hosted !== null && (
        <Link
          href={hosted}
          target="_blank"
          rel="noopener noreferrer"
          variant="body2"
          aria-label={translate("billing.invoice_see_name", { number })}
          sx={{ whiteSpace: "nowrap" }}
        >
          <OpenInNewIcon sx={icon} aria-hidden="true" />
          {translate("billing.invoice_see")}
        </Link>
      )}
      {pdf !== null && (
        <Link
          href={pdf}
          target="_blank"
          rel="noopener noreferrer"
          variant="body2"
          aria-label={translate("billing.invoice_pdf_name", { number })}
          sx={{ whiteSpace: "nowrap" }}
        >
          <PdfIcon sx={icon} aria-hidden="true" />
          {translate("billing.invoice_pdf")}
        </Link>
      )}
    </Box>
  );
};

const Refunded = ({ invoice }: { invoice: Invoice }) => {
  const { translate, money } = useSay();
  if (invoice.refunded === 0) return null;
  return (
    <Typography variant="caption" color="textSecondary" component="div">
      {translate("billing.invoice_refunded", {
        amount: money(invoice.refunded, invoice.currency),
      })}
    </Typography>
  );
};

const InvoiceTable = ({
  invoices,
  now,
}: {
  invoices: readonly Invoice[];
  now: Date;
}) => {
  const { translate, day } = useSay();
  const optional = (value: string | null) =>
    value === null ? "–" : day(value);
  return (
    <Box sx={{ overflowX: "auto" }}>
      <Table size="small">
        <TableHead>
          <TableRow>
            <TableCell>{translate("billing.invoice")}</TableCell>
            <TableCell>{translate("billing.invoice_state")}</TableCell>
            <TableCell>{translate("billing.invoice_date")}</TableCell>
            <TableCell>{translate("billing.invoice_due")}</TableCell>
            <TableCell>{translate("billing.invoice_paid")}</TableCell>
            <TableCell align="right">
              {translate("billing.invoice_total")}
            </TableCell>
            <TableCell align="right">
              {translate("billing.invoice_remaining")}
            </TableCell>
            <TableCell>
              <span className="visually-hidden">
                {translate("billing.invoice_see")}
              </span>
            </TableCell>
          </TableRow>
        </TableHead>
        <TableBody>
          {invoices.map((invoice) => (
            <TableRow key={invoice.invoiceId}>
              <TableCell
                component="th"
                scope="row"
                sx={{ overflowWrap: "anywhere", minWidth: 120 }}
              >
                {invoice.number ?? translate("billing.invoice_unnumbered")}
              </TableCell>
              <TableCell>
                <State invoice={invoice} now={now} />
              </TableCell>
              <TableCell sx={{ whiteSpace: "nowrap" }}>
                {optional(invoice.created)}
              </TableCell>
              <TableCell sx={{ whiteSpace: "nowrap" }}>
                {optional(invoice.dueDate)}
              </TableCell>
              <TableCell sx={{ whiteSpace: "nowrap" }}>
                {optional(invoice.paidAt)}
              </TableCell>
              <TableCell align="right">
                <Money minor={invoice.total} currency={invoice.currency} />
                <Refunded invoice={invoice} />
              </TableCell>
              <TableCell align="right">
                <Money minor={askedBy(invoice)} currency={invoice.currency} />
              </TableCell>
              <TableCell>
                <Papers invoice={invoice} />
              </TableCell>
            </TableRow>
          ))}
        </TableBody>
      </Table>
    </Box>
  );
};

const State = ({ invoice, now }: { invoice: Invoice; now: Date }) => {
  const { words, tone } = invoiceState(invoice.status, invoice.dueDate, now);
  return <StatusChip tone={tone} label={words} />;
};

const InvoiceCards = ({
  invoices,
  now,
}: {
  invoices: readonly Invoice[];
  now: Date;
}) => {
  const { translate, day, money } = useSay();
  return (
    <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
      {invoices.map((invoice) => (
        <Box
          component="li"
          key={invoice.invoiceId}
          sx={{
            py: 1.5,
            borderTop: 1,
            borderColor: "divider",
            "&:first-of-type": { borderTop: 0, pt: 0 },
          }}
        >
          <Box
            sx={{ display: "flex", justifyContent: "space-between", gap: 2 }}
          >
            <Box sx={{ minWidth: 0 }}>
              <Typography
                variant="subtitle2"
                component="span"
                sx={{ display: "block", overflowWrap: "anywhere" }}
              >
                {invoice.number ?? translate("billing.invoice_unnumbered")}
              </Typography>
              <Typography variant="caption" color="textSecondary">
                {invoice.created === null ? "–" : day(invoice.created)}
                {invoice.dueDate !== null &&
                  invoice.paidAt === null &&
                  ` · ${translate("billing.invoice_due")} ${day(invoice.dueDate)}`}
                {invoice.paidAt !== null &&
                  ` · ${translate("billing.invoice_paid")} ${day(invoice.paidAt)}`}
              </Typography>
            </Box>
            <Box sx={{ textAlign: "right", flexShrink: 0 }}>
              <Money minor={invoice.total} currency={invoice.currency} />
              <Refunded invoice={invoice} />
              {(askedBy(invoice) ?? 0) > 0 && (
                <Typography variant="caption" component="div">
                  {translate("billing.owed", {
                    amount: money(askedBy(invoice) ?? 0, invoice.currency),
                  })}
                </Typography>
              )}
            </Box>
          </Box>
          <Box
            sx={{
              display: "flex",
              flexWrap: "wrap",
              gap: 1.5,
              alignItems: "center",
              mt: 0.75,
            }}
          >
            <State invoice={invoice} now={now} />
            <Papers invoice={invoice} />
          </Box>
        </Box>
      ))}
    </Box>
  );
};

const REFUND_STATES = [
  "succeeded",
  "pending",
  "failed",
  "canceled",
  "requires_action",
];

const Refunds = ({ refunds }: { refunds: readonly Refund[] }) => {
  const { translate, day } = useSay();
  return (
    <Box sx={{ mt: 2.5, pt: 2, borderTop: 1, borderColor: "divider" }}>
      <Typography component="h3" variant="subtitle1" sx={{ mb: 1 }}>
        {translate("billing.refunds")}
      </Typography>
      <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
        {refunds.map((refund) => (
          <Box
            component="li"
            key={refund.refundId}
            sx={{
              display: "flex",
              flexWrap: "wrap",
              columnGap: 2,
              alignItems: "center",
              py: 0.75,
            }}
          >
            <Typography
              component="span"
              variant="subtitle2"
              sx={{ minWidth: 90 }}
            >
              <Money minor={refund.amount} currency={refund.currency} />
            </Typography>
            <StatusChip
              tone={refund.status === "succeeded" ? "success" : "quiet"}
              label={`billing.refund_status.${REFUND_STATES.includes(refund.status ?? "") ? refund.status : "unknown"}`}
            />
            <Typography
              component="span"
              variant="body2"
              color="textSecondary"
              sx={{ overflowWrap: "anywhere" }}
            >
              {refund.created === null ? "–" : day(refund.created)}
              {refund.invoiceNumber !== null &&
                ` · ${translate("billing.refund_of", { number: refund.invoiceNumber })}`}
            </Typography>
          </Box>
        ))}
      </Box>
    </Box>
  );
};

/** What was asked for, paid and given back, the newest first. */
export const InvoicesPanel = () => {
  const { translate } = useSay();
  const isPhone = useIsPhone();
  const query = useInvoices();
  const refunds = useRefunds();
  const now = new Date(query.dataUpdatedAt);
  return (
    <Panel
      title={translate("billing.invoices")}
      action={<AsOf at={query.dataUpdatedAt} />}
      sx={{ minWidth: 0 }}
    >
      <Loaded query={query} height={220}>
        {({ pages }) => {
          const invoices = pages.flat();
          return invoices.length === 0 ? (
            <EmptyState
              dense
              category="bags"
              color="sand"
              title={translate("billing.invoices_empty_title")}
              body={translate("billing.invoices_empty_body")}
            />
          ) : isPhone ? (
            <InvoiceCards invoices={invoices} now={now} />
          ) : (
            <InvoiceTable invoices={invoices} now={now} />
          );
        }}
      </Loaded>
      {query.hasNextPage && (
        <Box sx={{ textAlign: "center", mt: 2 }}>
          <Button
            variant="outlined"
            disabled={query.isFetchingOlder}
            onClick={query.fetchOlder}
          >
            {translate("billing.invoices_older")}
          </Button>
        </Box>
      )}
      {refunds.error !== null ? (
        <Loaded query={refunds} height={0}>
          {() => null}
        </Loaded>
      ) : (
        refunds.data !== undefined &&
        refunds.data.length > 0 && <Refunds refunds={refunds.data} />
      )}
    </Panel>
  );
};
