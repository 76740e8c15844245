import Box from "@mui/material/Box";

import { PageSkeleton } from "./Layout.tsx";
import { LogoMark } from "./Logo.tsx";

/** Before the session is known: the mark where it will stand, no spinner. */
export const LoadingPage = () => (
  <Box
    sx={{
      minHeight: "100vh",
      bgcolor: "background.default",
      p: { xs: 2, md: 3 },
    }}
  >
    <LogoMark size={30} />
    <Box sx={{ maxWidth: 1100, mx: "auto", mt: 6 }}>
      <PageSkeleton />
    </Box>
  </Box>
);
