import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";
import { useQuery } from "@tanstack/react-query";
import { LinkBase, useDataProvider, useTranslate } from "react-admin";

import { EmptyState } from "../components/EmptyState.tsx";
import { Figure } from "../components/Figure.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { useAggregates } from "../components/useAggregates.ts";
import type { AppDataProvider } from "../dataProvider.ts";
import { formatCount } from "../format.ts";
import { useSession } from "../useSession.ts";
import { CategoryPanel } from "./CategoryPanel.tsx";
import { FigureRow } from "./FigureRow.tsx";
import { TryonFigures } from "./TryonFigures.tsx";

const TotalFigure = ({
  resource,
  name,
  filter,
}: {
  resource: string;
  name: string;
  filter?: Record<string, unknown>;
}) => {
  const translate = useTranslate();
  const { data, isPending } = useAggregates(resource);
  const { data: part } = useAggregates(
    resource,
    { filter: filter ?? {} },
    { enabled: filter !== undefined },
  );
  return (
    <Figure
      label={translate(`home.${name}`)}
      definition={translate(`home.${name}_definition`)}
      to={`/${resource}`}
      value={data?.total}
      isPending={isPending}
      detail={
        part &&
        translate(`home.${name}_detail`, {
          smart_count: part.total,
          count: formatCount(part.total),
        })
      }
    />
  );
};

type ResetRequest = {
  userId: string;
  email: string | null;
  displayName: string | null;
  requestedAt: string;
};

const ResetRequests = () => {
  const translate = useTranslate();
  const dataProvider = useDataProvider<AppDataProvider>();
  const { data } = useQuery({
    queryKey: ["users", "passwordResetRequests"],
    queryFn: async ({ signal }) => {
      const answer = await dataProvider.query<{ nodes: ResetRequest[] } | null>(
        "passwordResetRequests",
        {},
        "nodes { userId email displayName requestedAt }",
        { signal },
      );
      return answer?.nodes ?? [];
    },
  });
  if (data === undefined || data.length === 0) return null;
  return (
    <Panel title={translate("home.resets")}>
      <Typography variant="body2" color="textSecondary" sx={{ mb: 1 }}>
        {translate("home.resets_body")}
      </Typography>
      <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
        {data.map((request) => (
          <Box
            component="li"
            key={request.userId}
            sx={{
              py: 1,
              borderTop: 1,
              borderColor: "divider",
              display: "flex",
              gap: 2,
              justifyContent: "space-between",
            }}
          >
            <LinkBase
              to={`/users/${request.userId}/show`}
              style={{ color: "inherit" }}
            >
              {request.displayName || request.email}
            </LinkBase>
            <Typography variant="body2" color="textSecondary">
              <RelativeTime value={request.requestedAt} />
            </Typography>
          </Box>
        ))}
      </Box>
    </Panel>
  );
};

export const StaffHome = () => {
  const translate = useTranslate();
  const { can } = useSession();
  return (
    <Box
      sx={{
        display: "grid",
        gap: 2.5,
        mt: 1,
        gridTemplateColumns: "minmax(0, 1fr)",
      }}
    >
      <FigureRow columns={3}>
        <TotalFigure
          resource="brands"
          name="brands"
          filter={{ status: "onboarding" }}
        />
        <TotalFigure resource="users" name="people" />
        <TotalFigure resource="products" name="all_products" />
        <TotalFigure resource="imports" name="imports" />
        <TryonFigures />
      </FigureRow>
      {can("password_resets", "list") && <ResetRequests />}
      <CategoryPanel
        resource="products"
        title={translate("home.by_category_all")}
        empty={
          <EmptyState
            dense
            category="jackets"
            title={translate("products.empty_title")}
            body={translate("products.empty_body_reader")}
          />
        }
      />
    </Box>
  );
};
