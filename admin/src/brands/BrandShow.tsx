import WalletIcon from "@mui/icons-material/AccountBalanceWalletOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Link from "@mui/material/Link";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import type { RaRecord } from "react-admin";
import {
  EditButton,
  LinkBase,
  Show,
  TopToolbar,
  useGetManyReference,
  useRecordContext,
  useTranslate,
} from "react-admin";

import { Facts } from "../components/Facts.tsx";
import { PersonCell } from "../components/PersonCell.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { useAggregates } from "../components/useAggregates.ts";
import { formatCount } from "../format.ts";
import { HistorySection } from "../history/HistorySection.tsx";
import { listLink } from "../home/CategoryPanel.tsx";
import { InviteButton } from "../invitations/InviteDialog.tsx";
import { useSession } from "../useSession.ts";
import { BrandStatus } from "./BrandList.tsx";
import type { BrandRecord } from "./types.ts";

type Membership = RaRecord<string> & {
  role: string;
  userId: string;
  user?: { displayName: string; email: string } | null;
};

const BrandMembers = ({ brand }: { brand: BrandRecord }) => {
  const translate = useTranslate();
  const { data, isPending } = useGetManyReference<Membership>("brand_members", {
    target: "brandId",
    id: brand.id,
    pagination: { page: 1, perPage: 50 },
    sort: { field: "userId", order: "ASC" },
    meta: {
      columns: [
        "role",
        "userId",
        "createdAt",
        "user.displayName",
        "user.email",
      ],
    },
  });
  return (
    <Box component="section" sx={{ mt: 4 }}>
      <Typography component="h3" variant="h5" gutterBottom>
        {translate("resources.members.menu")}
      </Typography>
      {isPending ? (
        <Skeleton variant="rounded" height={120} />
      ) : (
        <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
          {data?.map((membership) => (
            <Box
              component="li"
              key={membership.id}
              sx={{
                display: "flex",
                alignItems: "center",
                justifyContent: "space-between",
                py: 1,
                borderTop: 1,
                borderColor: "divider",
              }}
            >
              <LinkBase
                to={`/users/${membership.userId}/show`}
                style={{ color: "inherit", textDecoration: "none" }}
              >
                <PersonCell
                  name={membership.user?.displayName}
                  email={membership.user?.email}
                />
              </LinkBase>
              <Typography variant="body2">
                {translate(`roles.${membership.role}`)}
              </Typography>
            </Box>
          ))}
        </Box>
      )}
      {/* Nobody in a new brand could invite its first person. */}
      {data?.length === 0 && canBegin.has(brand.status) && (
        <InviteButton ownerOf={brand.id} />
      )}
    </Box>
  );
};

const canBegin = new Set(["onboarding", "active"]);

const BrandDetails = () => {
  const brand = useRecordContext<BrandRecord>();
  const translate = useTranslate();
  const { session } = useSession();
  const products = useAggregates(
    "products",
    { filter: { brandId: brand?.id ?? "" } },
    { enabled: brand !== undefined },
  );
  if (!brand) return null;
  const yesNo = (value: boolean) =>
    translate(value ? "ra.boolean.true" : "ra.boolean.false");
  return (
    <Box sx={{ p: { xs: 2, md: 3.5 } }}>
      <BrandStatus brand={brand} />
      <Typography component="h2" variant="h2" sx={{ mt: 1, mb: 3 }}>
        {brand.name}
      </Typography>
      <Facts
        facts={[
          ["resources.brands.fields.slug", brand.slug],
          ["resources.brands.fields.timezone", brand.timezone],
          [
            "resources.products.menu",
            <Link
              key="products"
              component={LinkBase}
              to={listLink(
                "products",
                session.brand === null ? { brandId: brand.id } : {},
              )}
            >
              {products.data ? formatCount(products.data.total) : "…"}
            </Link>,
          ],
          ["resources.brands.fields.kMin", String(brand.kMin)],
          ["resources.brands.fields.datasetAccess", yesNo(brand.datasetAccess)],
          [
            "resources.brands.fields.customModelTraining",
            yesNo(brand.customModelTraining),
          ],
          [
            "resources.brands.fields.createdAt",
            <RelativeTime key="c" value={brand.createdAt} />,
          ],
          [
            "resources.brands.fields.updatedAt",
            <RelativeTime key="u" value={brand.updatedAt} />,
          ],
        ]}
      />
      {session.brand === null && <BrandMembers brand={brand} />}
    </Box>
  );
};

const BrandActions = () => {
  const { can } = useSession();
  const translate = useTranslate();
  const brand = useRecordContext<BrandRecord>();
  return (
    <TopToolbar>
      {brand && can("wallets", "show") && (
        <Button
          component={LinkBase}
          to={`/brand_credits/${brand.id}/show`}
          startIcon={<WalletIcon />}
        >
          {translate("wallet.open")}
        </Button>
      )}
      {can("brands", "edit") && <EditButton variant="contained" />}
    </TopToolbar>
  );
};

export const BrandShow = () => (
  <Show actions={<BrandActions />}>
    <BrandDetails />
    <HistorySection />
  </Show>
);
