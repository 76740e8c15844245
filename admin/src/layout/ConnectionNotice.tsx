import CloudOffIcon from "@mui/icons-material/CloudOffOutlined";
import Alert from "@mui/material/Alert";
import Collapse from "@mui/material/Collapse";
import { useTranslate } from "react-admin";

import { useConnection } from "../connection.ts";

export const ConnectionNotice = () => {
  const translate = useTranslate();
  const connection = useConnection();
  return (
    <div aria-live="polite" role="status">
      <Collapse in={connection !== "up"} unmountOnExit>
        <Alert
          severity="warning"
          icon={<CloudOffIcon fontSize="inherit" />}
          sx={{ borderRadius: 0, px: { xs: 2, md: 4 } }}
        >
          {translate(
            connection === "offline" ? "offline.browser" : "offline.server",
          )}
        </Alert>
      </Collapse>
    </div>
  );
};
