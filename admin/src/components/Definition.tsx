import InfoIcon from "@mui/icons-material/InfoOutlined";
import Box from "@mui/material/Box";
import Tooltip from "@mui/material/Tooltip";

/** How a figure is counted: on hover, on focus and for screen readers. */
export const Definition = ({ text }: { text: string }) => (
  <Tooltip title={text}>
    <Box
      component="span"
      tabIndex={0}
      role="img"
      aria-label={text}
      sx={{
        position: "relative",
        zIndex: 1,
        display: "inline-flex",
        verticalAlign: "middle",
        color: "text.secondary",
        borderRadius: "50%",
      }}
    >
      <InfoIcon sx={{ fontSize: 17 }} />
    </Box>
  </Tooltip>
);
