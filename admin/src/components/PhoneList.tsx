import ChevronRightIcon from "@mui/icons-material/ChevronRight";
import Box from "@mui/material/Box";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import type { RaRecord } from "react-admin";
import { LinkBase, useListContext } from "react-admin";

/** On a phone a table becomes a list of cards, each one link. */
export const PhoneList = <RecordType extends RaRecord>({
  picture,
  primary,
  secondary,
  aside,
  to,
}: {
  picture?: (record: RecordType) => ReactNode;
  primary: (record: RecordType) => ReactNode;
  secondary: (record: RecordType) => ReactNode;
  aside?: (record: RecordType) => ReactNode;
  to?: (record: RecordType) => string;
}) => {
  const { data, isPending } = useListContext<RecordType>();
  if (isPending) {
    return (
      <Box sx={{ p: 2, display: "grid", gap: 1.5 }}>
        {Array.from({ length: 6 }, (_item, index) => (
          <Skeleton key={index} variant="rounded" height={64} />
        ))}
      </Box>
    );
  }
  return (
    <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
      {data?.map((record) => {
        const content = (
          <>
            {picture?.(record)}
            <Box sx={{ flex: 1, minWidth: 0 }}>
              <Typography
                component="div"
                variant="subtitle2"
                sx={{ overflowWrap: "anywhere" }}
              >
                {primary(record)}
              </Typography>
              <Typography
                component="div"
                variant="caption"
                color="textSecondary"
              >
                {secondary(record)}
              </Typography>
            </Box>
            {aside?.(record)}
            {to && (
              <ChevronRightIcon
                sx={{ color: "text.secondary", fontSize: 20 }}
              />
            )}
          </>
        );
        const layout = {
          display: "flex",
          alignItems: "center",
          gap: 1.5,
          px: 2,
          py: 1.25,
          minHeight: 64,
        };
        return (
          <Box
            component="li"
            key={record.id}
            sx={{
              borderTop: 1,
              borderColor: "divider",
              "&:first-of-type": { borderTop: 0 },
            }}
          >
            {to ? (
              <Box
                component={LinkBase}
                to={to(record)}
                sx={{ ...layout, color: "inherit", textDecoration: "none" }}
              >
                {content}
              </Box>
            ) : (
              <Box sx={layout}>{content}</Box>
            )}
          </Box>
        );
      })}
    </Box>
  );
};
