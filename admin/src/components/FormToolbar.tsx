import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import {
  DeleteButton,
  SaveButton,
  Toolbar,
  useNavigate,
  useTranslate,
} from "react-admin";

/** Save first, leave second, delete apart from both. */
export const FormToolbar = ({ deletable = false }: { deletable?: boolean }) => {
  const translate = useTranslate();
  const navigate = useNavigate();
  return (
    <Toolbar>
      <Box sx={{ display: "flex", gap: 1, flex: 1, alignItems: "center" }}>
        <SaveButton alwaysEnable={false} />
        <Button onClick={() => navigate(-1)}>{translate("app.cancel")}</Button>
        <Box sx={{ flex: 1 }} />
        {deletable && <DeleteButton mutationMode="pessimistic" />}
      </Box>
    </Toolbar>
  );
};
