import Box from "@mui/material/Box";
import Link from "@mui/material/Link";
import Typography from "@mui/material/Typography";
import type { MouseEvent } from "react";
import {
  DataTable,
  LinkBase,
  ListBase,
  Title,
  useTranslate,
} from "react-admin";

import { ListBody, OpensWithView } from "../components/ListBody.tsx";
import {
  FilterFrame,
  FilterReference,
  FilterSelect,
  FilterText,
  useFilterValues,
} from "../components/ListFilters.tsx";
import { useIsPhone } from "../components/ListFrame.tsx";
import { PhoneList } from "../components/PhoneList.tsx";
import { panels } from "../components/RecordPage.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { RowLink } from "../components/RowLink.tsx";
import { StatusChip } from "../components/StatusChip.tsx";
import { customerColumns } from "./columns.ts";
import type { Customer } from "./types.ts";
import { DisputedPanel, UnlinkedPanel } from "./UnlinkedPanel.tsx";

const pageOf = ({ id }: Pick<Customer, "id">) =>
  `/stripe_customers/${encodeURIComponent(id)}/show`;

const nameOf = ({ name, email, id }: Customer) => name || email || id;

/** Whose it is, with the way there. */
export const OwnerLink = ({
  customer,
}: {
  customer: Pick<Customer, "brandId" | "userId" | "brand" | "user">;
}) => {
  const translate = useTranslate();
  const { brandId, userId, brand, user } = customer;
  if (brandId === null && userId === null) {
    return <StatusChip tone="warning" label={translate("customers.nobody")} />;
  }
  return (
    <Link
      component={LinkBase}
      to={
        brandId === null
          ? `/users/${userId ?? ""}/show`
          : `/brands/${brandId}/show`
      }
      color="inherit"
      onClick={(event: MouseEvent) => event.stopPropagation()}
    >
      {brand?.name ?? (user?.displayName || user?.email) ?? brandId ?? userId}
    </Link>
  );
};

const OWNERS: Readonly<Record<string, Record<string, unknown>>> = {
  brand: { brandExists: true, userExists: undefined },
  user: { brandExists: undefined, userExists: true },
  nobody: { brandExists: false, userExists: false },
};

const Filters = () => {
  const translate = useTranslate();
  const { values, change } = useFilterValues();
  const brand = values["brand@exists"];
  const user = values["user@exists"];
  const owner =
    brand === true
      ? "brand"
      : user === true
        ? "user"
        : brand === false && user === false
          ? "nobody"
          : "";
  const email = values["email@startsWith"];
  return (
    <FilterFrame
      label={translate("lists.filters")}
      count={Object.keys(values).length}
    >
      <FilterText
        label={translate("customers.filters.email")}
        value={typeof email === "string" ? email : ""}
        onChange={(text) =>
          change({
            "email@startsWith": text === "" ? undefined : text.toLowerCase(),
          })
        }
      />
      <FilterSelect
        label={translate("customers.fields.owner")}
        value={owner}
        choices={Object.keys(OWNERS).map((value) => ({
          value,
          text: translate(`customers.filters.${value}`),
        }))}
        onChange={(next) =>
          change({
            "brand@exists": OWNERS[next]?.["brandExists"],
            "user@exists": OWNERS[next]?.["userExists"],
          })
        }
      />
      <FilterReference
        name="brandId"
        resource="brands"
        label={translate("movements.filters.brand")}
      />
    </FilterFrame>
  );
};

const CustomerTable = () => {
  const translate = useTranslate();
  const isPhone = useIsPhone();
  if (isPhone) {
    return (
      <PhoneList<Customer>
        to={pageOf}
        primary={nameOf}
        secondary={({ email, id }) => email ?? id}
        aside={({ brand, user, brandId, userId }) =>
          brandId === null && userId === null ? (
            <StatusChip tone="warning" label={translate("customers.nobody")} />
          ) : (
            <Typography
              variant="caption"
              sx={{ maxWidth: 130, textAlign: "right" }}
            >
              {brand?.name ?? (user?.displayName || user?.email)}
            </Typography>
          )
        }
      />
    );
  }
  return (
    <DataTable<Customer> rowClick="show" bulkActionButtons={false}>
      <DataTable.Col<Customer>
        source="email"
        label={translate("customers.fields.customer")}
        render={(customer) => (
          <Box sx={{ minWidth: 180 }}>
            <RowLink to={pageOf(customer)}>
              <Typography
                variant="subtitle2"
                component="span"
                sx={{ overflowWrap: "anywhere" }}
              >
                {nameOf(customer)}
              </Typography>
            </RowLink>
            <Typography
              variant="caption"
              color="textSecondary"
              component="div"
              sx={{ overflowWrap: "anywhere" }}
            >
              {customer.email ?? customer.id}
            </Typography>
          </Box>
        )}
      />
      <DataTable.Col<Customer>
        source="brandId"
        label={translate("customers.fields.owner")}
        disableSort
        render={(customer) => <OwnerLink customer={customer} />}
      />
      <DataTable.Col<Customer>
        source="currency"
        label={translate("customers.fields.currency")}
        disableSort
        render={({ currency }) => currency?.toUpperCase() ?? "–"}
      />
      <DataTable.Col<Customer>
        source="created"
        label={translate("customers.fields.created")}
        render={({ created }) =>
          created === null ? "–" : <RelativeTime value={created} isPast />
        }
      />
    </DataTable>
  );
};

/** Those nobody owns first: their money belongs to no account we know. */
export const CustomerList = () => {
  const translate = useTranslate();
  return (
    <OpensWithView name="stripe_customers">
      <Title title={translate("customers.title")} />
      <Box sx={{ ...panels, mt: 1 }}>
        <UnlinkedPanel />
        <DisputedPanel />
        <Box>
          <Typography component="h2" variant="h5" sx={{ mb: 1.5 }}>
            {translate("customers.all")}
          </Typography>
          <ListBase<Customer>
            perPage={25}
            sort={{ field: "created", order: "DESC" }}
            exporter={false}
            queryOptions={{ meta: { columns: customerColumns } }}
          >
            <ListBody
              empty={{
                title: "customers.empty_title",
                body: "customers.empty_body",
              }}
              filters={<Filters />}
            >
              <CustomerTable />
            </ListBody>
          </ListBase>
        </Box>
      </Box>
    </OpensWithView>
  );
};
