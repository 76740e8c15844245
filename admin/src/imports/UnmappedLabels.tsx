import CheckIcon from "@mui/icons-material/Check";
import ReplayIcon from "@mui/icons-material/ReplayOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import MenuItem from "@mui/material/MenuItem";
import Typography from "@mui/material/Typography";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useDataProvider, useNotify, useTranslate } from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";
import { Panel } from "../components/Panel.tsx";
import { PlainSelect } from "../components/PlainSelect.tsx";
import { useCategories } from "../components/useLookups.ts";
import type { AppDataProvider } from "../dataProvider.ts";
import { formatCount } from "../format.ts";
import type { ImportRun } from "./types.ts";

type Unmapped = {
  label: string;
  reason: string;
  rowCount: number;
  firstLine: number;
};

const useUnmapped = (run: ImportRun) => {
  const dataProvider = useDataProvider<AppDataProvider>();
  return useQuery({
    queryKey: ["imports", "unmapped", run.id, run.status],
    queryFn: async ({ signal }) => {
      const answer = await dataProvider.query<{
        unmappedLabels: { nodes: Unmapped[] };
      } | null>(
        "importRun",
        { rowId: { type: "UUID!", value: run.id } },
        "unmappedLabels { nodes { label reason rowCount firstLine } }",
        { types: { "unmappedLabels.nodes.rowCount": "bigint" }, signal },
      );
      return answer?.unmappedLabels.nodes ?? [];
    },
  });
};

const LabelRow = ({
  unmapped,
  saved,
  onSave,
}: {
  unmapped: Unmapped;
  saved: string | undefined;
  onSave: (categoryCode: string) => void;
}) => {
  const translate = useTranslate();
  const { categories, labelOf } = useCategories();
  const [code, setCode] = useState("");
  return (
    <Box
      component="li"
      sx={{
        display: "grid",
        gridTemplateColumns: {
          xs: "minmax(0,1fr)",
          sm: "minmax(0,1fr) 190px 170px",
        },
        gap: { xs: 1, sm: 2 },
        alignItems: "center",
        py: 1.25,
        borderTop: 1,
        borderColor: "divider",
        "&:first-of-type": { borderTop: 0 },
      }}
    >
      <Box>
        <Typography variant="subtitle2">{unmapped.label}</Typography>
        <Typography variant="caption" color="textSecondary">
          {translate("imports.label_rows", {
            smart_count: unmapped.rowCount,
            rows: formatCount(unmapped.rowCount),
            line: unmapped.firstLine,
          })}
        </Typography>
      </Box>
      {saved === undefined ? (
        <>
          <PlainSelect
            margin="none"
            name={translate("imports.category_for", { label: unmapped.label })}
            value={code}
            onSelect={setCode}
          >
            <MenuItem value="">{translate("imports.choose_category")}</MenuItem>
            {categories.map((category) => (
              <MenuItem key={category.code} value={category.code}>
                {category.label}
              </MenuItem>
            ))}
          </PlainSelect>
          <Button
            variant="outlined"
            disabled={code === ""}
            onClick={() => onSave(code)}
          >
            {translate("imports.add_mapping")}
          </Button>
        </>
      ) : (
        <Typography
          role="status"
          variant="body2"
          sx={{
            gridColumn: { sm: "span 2" },
            display: "flex",
            gap: 1,
            alignItems: "center",
          }}
        >
          <CheckIcon fontSize="small" color="success" />
          {translate("imports.mapped_to", { category: labelOf(saved) })}
        </Typography>
      )}
    </Box>
  );
};

/** Source labels without a category: choose one, then run those rows again. */
export const UnmappedLabels = ({
  run,
  editable,
  onRerun,
}: {
  run: ImportRun;
  editable: boolean;
  onRerun: (() => void) | null;
}) => {
  const translate = useTranslate();
  const notify = useNotify();
  const dataProvider = useDataProvider<AppDataProvider>();
  const client = useQueryClient();
  const { data: labels = [] } = useUnmapped(run);
  const [saved, setSaved] = useState<Record<string, string>>({});
  const { mutate } = useMutation({
    mutationFn: (input: { label: string; categoryCode: string }) =>
      dataProvider.mutate("setCategoryMapping", input, "clientMutationId"),
    onSuccess: (_answer, { label, categoryCode }) => {
      setSaved((before) => ({ ...before, [label]: categoryCode }));
      void client.invalidateQueries({ queryKey: ["category_mappings"] });
    },
    onError: (error) => {
      const { message, hint } = errorSentence(error);
      notify(`${message} ${hint}`.trim(), { type: "error" });
    },
  });
  if (labels.length === 0 || !editable) return null;
  const anySaved = Object.keys(saved).length > 0;
  return (
    <Panel title={translate("imports.unmapped_title")}>
      <Typography color="textSecondary" sx={{ mb: 1.5, maxWidth: 720 }}>
        {translate("imports.unmapped_body")}
      </Typography>
      <Box component="ul" sx={{ listStyle: "none", m: 0, p: 0 }}>
        {labels.map((unmapped) => (
          <LabelRow
            key={unmapped.label}
            unmapped={unmapped}
            saved={saved[unmapped.label]}
            onSave={(categoryCode) =>
              mutate({ label: unmapped.label, categoryCode })
            }
          />
        ))}
      </Box>
      {anySaved && onRerun && (
        <Button
          variant="contained"
          startIcon={<ReplayIcon />}
          onClick={onRerun}
          sx={{ mt: 2 }}
        >
          {translate("imports.rerun")}
        </Button>
      )}
    </Panel>
  );
};
