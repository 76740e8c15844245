import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { lazy, Suspense } from "react";
import { LinkBase, useLocale, useNavigate, useTranslate } from "react-admin";

import { GarmentImage } from "../components/GarmentImage.tsx";
import { useIsPhone } from "../components/ListFrame.tsx";
import { Panel } from "../components/Panel.tsx";
import { RelativeTime } from "../components/RelativeTime.tsx";
import { useAggregates } from "../components/useAggregates.ts";
import { useCategories } from "../components/useLookups.ts";
import { formatCount } from "../format.ts";

const CategoryChart = lazy(() => import("./CategoryChart.tsx"));

/** One drawing colour per category, so that the row of twelve is easy to tell apart. */
const swatches: Record<string, string> = {
  tops: "sage",
  bottoms: "navy blue",
  dresses: "maroon",
  jackets: "camel",
  bags: "burgundy",
  scarves: "mustard",
  hats: "teal",
  belts: "brown",
  sneakers: "cream",
  heels: "red",
  boots: "tan",
  jewelry: "gold",
};

export const listLink = (resource: string, filter: Record<string, unknown>) =>
  `/${resource}?filter=${encodeURIComponent(JSON.stringify(filter))}`;

/** Counts by category: the chart, and the same figures as links to their rows. */
export const CategoryPanel = ({
  resource,
  title,
  empty,
}: {
  resource: string;
  title: string;
  empty: ReactNode;
}) => {
  const translate = useTranslate();
  const locale = useLocale();
  const navigate = useNavigate();
  const isPhone = useIsPhone();
  const { categories, isPending: categoriesPending } = useCategories();
  const { data, isPending, dataUpdatedAt } = useAggregates(resource, {
    groupBy: ["categoryCode"],
  });
  const counts = new Map(
    (data?.groups ?? []).map(({ keys, count }) => [
      String(keys["categoryCode"]),
      count ?? 0,
    ]),
  );
  const bars = categories
    .map(({ code, label }) => ({ code, label, count: counts.get(code) ?? 0 }))
    .filter((bar) => bar.count > 0)
    .sort((a, b) => b.count - a.count);

  const loading = isPending || categoriesPending;
  return (
    <Panel
      title={title}
      action={
        !loading && (
          <Typography variant="caption" color="textSecondary">
            {translate("app.updated")}{" "}
            <RelativeTime value={new Date(dataUpdatedAt).toISOString()} />
          </Typography>
        )
      }
    >
      {loading ? (
        <Skeleton variant="rounded" height={isPhone ? 220 : 300} />
      ) : bars.length === 0 ? (
        empty
      ) : (
        <>
          {!isPhone && (
            <Suspense fallback={<Skeleton variant="rounded" height={300} />}>
              <CategoryChart
                bars={bars}
                onSelect={(code) =>
                  navigate(listLink(resource, { categoryCode: code }))
                }
              />
            </Suspense>
          )}
          <Box
            component="ul"
            sx={{
              listStyle: "none",
              p: 0,
              m: 0,
              mt: { sm: 2 },
              display: "grid",
              gap: 0.5,
              gridTemplateColumns: {
                xs: "minmax(0,1fr) minmax(0,1fr)",
                sm: "repeat(auto-fill, minmax(170px, 1fr))",
              },
            }}
          >
            {bars.map((bar) => (
              <li key={bar.code}>
                <Box
                  component={LinkBase}
                  to={listLink(resource, { categoryCode: bar.code })}
                  sx={{
                    display: "flex",
                    alignItems: "center",
                    gap: 1.25,
                    p: 0.75,
                    borderRadius: "9px",
                    color: "inherit",
                    textDecoration: "none",
                    "&:hover": { bgcolor: "action.hover" },
                  }}
                >
                  <GarmentImage
                    record={{
                      categoryCode: bar.code,
                      color: swatches[bar.code] ?? "taupe",
                    }}
                    size={36}
                  />
                  <Typography component="span" variant="body2" sx={{ flex: 1 }}>
                    {bar.label}
                  </Typography>
                  <Typography
                    component="span"
                    variant="subtitle2"
                    sx={{ fontVariantNumeric: "tabular-nums" }}
                  >
                    {formatCount(bar.count, locale)}
                  </Typography>
                </Box>
              </li>
            ))}
          </Box>
        </>
      )}
    </Panel>
  );
};
