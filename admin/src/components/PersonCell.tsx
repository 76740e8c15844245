import Avatar from "@mui/material/Avatar";
import Box from "@mui/material/Box";
import Typography from "@mui/material/Typography";

export const PersonCell = ({
  name,
  email,
}: {
  name: string | null | undefined;
  email: string | null | undefined;
}) => (
  <Box sx={{ display: "flex", alignItems: "center", gap: 1.5, minWidth: 200 }}>
    <Avatar
      aria-hidden="true"
      sx={{ width: 36, height: 36, fontSize: "0.9rem" }}
    >
      {(name || email || "?").slice(0, 1).toUpperCase()}
    </Avatar>
    <Box sx={{ minWidth: 0 }}>
      <Typography variant="subtitle2">{name || email || "–"}</Typography>
      {name && email && (
        <Typography
          variant="caption"
          color="textSecondary"
          sx={{ overflowWrap: "anywhere" }}
        >
          {email}
        </Typography>
      )}
    </Box>
  </Box>
);
