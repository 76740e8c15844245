import Box from "@mui/material/Box";
import MenuItem from "@mui/material/MenuItem";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import { useLocale, useTranslate } from "react-admin";

import { FilterDay } from "../components/ListFilters.tsx";
import type { Period, PeriodName } from "./period.ts";
import { dayText, isPeriod, namedPeriod, PERIODS } from "./period.ts";

/** Two days; what makes no period is said and not asked. */
const CustomDays = ({
  period,
  onChange,
}: {
  period: Period;
  onChange: (period: Period) => void;
}) => {
  const translate = useTranslate();
  const [draft, setDraft] = useState<{ from: string; to: string } | null>(null);
  const { from, to } = draft ?? period;
  const set = (next: { from: string; to: string }) => {
    if (isPeriod(next.from, next.to)) {
      setDraft(null);
      onChange({ name: "custom", ...next });
    } else {
      setDraft(next);
    }
  };
  return (
    <>
      <FilterDay
        label={translate("revenue.period.from")}
        value={from}
        onChange={(day) => set({ from: day, to })}
      />
      <FilterDay
        label={translate("revenue.period.until")}
        value={to}
        onChange={(day) => set({ from, to: day })}
      />
      {draft !== null && (
        <Typography role="alert" variant="body2" color="error">
          {translate("revenue.period.invalid")}
        </Typography>
      )}
    </>
  );
};

/** Which days the figures are of, in words, with the choice of others. */
export const PeriodChooser = ({
  period,
  now,
  onChange,
}: {
  period: Period;
  now: Date;
  onChange: (period: Period) => void;
}) => {
  const translate = useTranslate();
  const locale = useLocale();
  return (
    <Box
      sx={{
        display: "flex",
        flexWrap: "wrap",
        alignItems: "center",
        gap: 1.25,
      }}
    >
      <TextField
        select
        label={translate("revenue.period.label")}
        value={period.name}
        margin="none"
        sx={{ width: { xs: "100%", sm: 190 } }}
        onChange={(event) => {
          const name = event.target.value as PeriodName;
          onChange(
            name === "custom"
              ? { ...period, name: "custom" }
              : namedPeriod(name, now),
          );
        }}
      >
        {[...PERIODS, "custom" as const].map((name) => (
          <MenuItem key={name} value={name}>
            {translate(`revenue.period.${name}`)}
          </MenuItem>
        ))}
      </TextField>
      {period.name === "custom" && (
        <Box
          sx={{
            display: "grid",
            gridTemplateColumns: "repeat(2, minmax(140px, 1fr))",
            gap: 1.25,
            "& [role=alert]": { gridColumn: "1 / -1" },
          }}
        >
          <CustomDays period={period} onChange={onChange} />
        </Box>
      )}
      <Typography variant="body2" color="textSecondary">
        {translate("revenue.period.says", {
          from: dayText(period.from, locale),
          to: dayText(period.to, locale),
        })}
      </Typography>
    </Box>
  );
};
