import ExpandMoreIcon from "@mui/icons-material/ExpandMore";
import HistoryIcon from "@mui/icons-material/HistoryOutlined";
import Accordion from "@mui/material/Accordion";
import AccordionDetails from "@mui/material/AccordionDetails";
import AccordionSummary from "@mui/material/AccordionSummary";
import Typography from "@mui/material/Typography";
import { useState } from "react";
import {
  useRecordContext,
  useResourceContext,
  useTranslate,
} from "react-admin";

import { useCatalog } from "../catalog/CatalogContext.tsx";
import { HistoryPanel } from "./HistoryPanel.tsx";

/** The history of the record of a page that is not in tabs; read when opened. */
export const HistorySection = () => {
  const translate = useTranslate();
  const record = useRecordContext();
  const resource = useCatalog().byName.get(useResourceContext() ?? "");
  const [isOpen, setOpen] = useState(false);
  if (record === undefined || resource?.kind !== "table") return null;
  return (
    <Accordion
      disableGutters
      elevation={0}
      expanded={isOpen}
      onChange={(_event, open) => setOpen(open)}
      sx={{
        bgcolor: "transparent",
        borderTop: 1,
        borderColor: "divider",
        "&:before": { display: "none" },
      }}
    >
      <AccordionSummary
        expandIcon={<ExpandMoreIcon />}
        sx={{ px: { xs: 2, md: 3.5 } }}
      >
        <HistoryIcon sx={{ fontSize: 20, mr: 1, color: "text.secondary" }} />
        <Typography component="span" variant="subtitle2">
          {translate("catalog.history")}
        </Typography>
      </AccordionSummary>
      <AccordionDetails sx={{ px: { xs: 2, md: 3.5 }, pb: 3 }}>
        {isOpen && <HistoryPanel resource={resource} record={record} />}
      </AccordionDetails>
    </Accordion>
  );
};
