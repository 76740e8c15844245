import BookmarkIcon from "@mui/icons-material/BookmarkBorderOutlined";
import CheckIcon from "@mui/icons-material/Check";
import LinkIcon from "@mui/icons-material/LinkOutlined";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogTitle from "@mui/material/DialogTitle";
import Divider from "@mui/material/Divider";
import FormControlLabel from "@mui/material/FormControlLabel";
import ListItemIcon from "@mui/material/ListItemIcon";
import ListItemText from "@mui/material/ListItemText";
import Menu from "@mui/material/Menu";
import MenuItem from "@mui/material/MenuItem";
import Switch from "@mui/material/Switch";
import TextField from "@mui/material/TextField";
import Typography from "@mui/material/Typography";
import { useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useId, useState } from "react";
import {
  useDataProvider,
  useListContext,
  useNotify,
  useStore,
  useTranslate,
} from "react-admin";

import type { BrandRole } from "../session.ts";
import { useSession } from "../useSession.ts";
import type { SavedView, ViewState } from "./savedViews.ts";
import { isUnchanged, roleIn, viewsOf } from "./savedViews.ts";
import { useActiveView, useApplyView } from "./useOpeningView.ts";
import { SAVED_VIEWS, useSavedViews } from "./useSavedViews.ts";

const ROLES: readonly BrandRole[] = ["viewer", "analyst", "manager", "owner"];

const useListState = (name: string): ViewState => {
  const { filterValues, sort, perPage } = useListContext();
  const [columns] = useStore<string[] | null>(`catalog.${name}.columns`, null);
  const [density] = useStore<string>(`catalog.${name}.density`, "comfortable");
  return {
    filter: (filterValues ?? {}) as Record<string, unknown>,
    sort: { field: sort.field, order: sort.order },
    perPage,
    columns,
    density,
  };
};

/** Changes of views, each said when done; what fails says why. */
const useViewChanges = () => {
  const dataProvider = useDataProvider();
  const queryClient = useQueryClient();
  const notify = useNotify();
  return async <Result,>(
    change: (provider: typeof dataProvider) => Promise<Result>,
    message: string,
  ): Promise<Result | null> => {
    try {
      const result = await change(dataProvider);
      await queryClient.invalidateQueries({ queryKey: [SAVED_VIEWS] });
      notify(message, { type: "info" });
      return result;
    } catch (error) {
      notify(error instanceof Error ? error.message : String(error), {
        type: "error",
      });
      return null;
    }
  };
};

type Draft = { view: SavedView | null; name: string };

const NameDialog = ({
  draft,
  onClose,
  onSave,
}: {
  draft: Draft;
  onClose: () => void;
  onSave: (name: string) => void;
}) => {
  const translate = useTranslate();
  const title = useId();
  const [name, setName] = useState(draft.name);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (name.trim() !== "") onSave(name.trim());
  };
  return (
    <Dialog
      open
      onClose={onClose}
      aria-labelledby={title}
      fullWidth
      maxWidth="xs"
    >
      <form onSubmit={submit}>
        <DialogTitle id={title}>
          {translate(draft.view === null ? "views.save_as" : "views.rename")}
        </DialogTitle>
        <DialogContent>
          <TextField
            autoFocus
            label={translate("views.name")}
            value={name}
            onChange={(event) => setName(event.target.value)}
            slotProps={{ htmlInput: { maxLength: 80 } }}
          />
        </DialogContent>
        <DialogActions>
          <Button onClick={onClose}>{translate("app.cancel")}</Button>
          <Button
            type="submit"
            variant="contained"
            disabled={name.trim() === ""}
          >
            {translate("ra.action.save")}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
};

/** Own and shared views of a list: open one, keep this one, change or drop it. */
export const SavedViewsMenu = ({
  name,
  table = name,
}: {
  /** The resource of the page. */
  name: string;
  /** Its table, which views are stored under. */
  table?: string;
}) => {
  const translate = useTranslate();
  const notify = useNotify();
  const { session } = useSession();
  const { views, isKnown } = useSavedViews();
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const [draft, setDraft] = useState<Draft | null>(null);
  const [activeId, setActive] = useActiveView(name);
  const apply = useApplyView(name);
  const change = useViewChanges();
  const state = useListState(name);
  if (!isKnown || session.user === null) return null;

  const userId = session.user.id;
  const own = viewsOf(views, table, userId);
  const active = own.find(({ id }) => id === activeId) ?? null;
  const isMine = active?.userId === userId;
  const edited = active !== null && !isUnchanged(active.view, state);
  const role = roleIn(session);
  const mayDefault = role === "manager" || role === "owner";
  const close = () => setAnchor(null);

  const write = (view: SavedView, data: Partial<SavedView>, message: string) =>
    change(
      (provider) =>
        provider.update<SavedView>(SAVED_VIEWS, {
          id: view.id,
          data: { ...view, ...data },
          previousData: view,
        }),
      message,
    );

  const saveDraft = async ({ view }: Draft, newName: string) => {
    if (view !== null) {
      const done = await write(view, { name: newName }, "views.renamed");
      if (done !== null) setDraft(null);
      return;
    }
    const created = await change(
      (provider) =>
        provider.create<SavedView>(SAVED_VIEWS, {
          data: {
            userId,
            ...(session.brand === null ? {} : { brandId: session.brand.id }),
            resource: table,
            name: newName,
            view: state,
            isShared: false,
          },
        }),
      "views.saved",
    );
    if (created !== null) {
      setActive(created.data.id);
      setDraft(null);
    }
  };

  const copyLink = (view: SavedView) => {
    const address = `${window.location.origin}/admin/${name}?view=${view.id}`;
    navigator.clipboard.writeText(address).then(
      () => notify("app.copied", { type: "info" }),
      // Without the right to the clipboard the link is shown to be copied.
      () => notify(address, { type: "info" }),
    );
  };

  return (
    <>
      <Button
        startIcon={<BookmarkIcon />}
        aria-haspopup="menu"
        aria-expanded={anchor !== null}
        onClick={(event) => setAnchor(event.currentTarget)}
        sx={{ maxWidth: 220, whiteSpace: "nowrap" }}
      >
        <span style={{ overflow: "hidden", textOverflow: "ellipsis" }}>
          {active === null ? translate("views.title") : active.name}
          {edited && "*"}
        </span>
      </Button>
      <Menu
        anchorEl={anchor}
        open={anchor !== null}
        onClose={close}
        anchorOrigin={{ vertical: "bottom", horizontal: "right" }}
        transformOrigin={{ vertical: "top", horizontal: "right" }}
        slotProps={{ paper: { sx: { minWidth: 280, maxWidth: "92vw" } } }}
      >
        {own.length === 0 && (
          <Typography
            component="li"
            role="presentation"
            variant="body2"
            color="textSecondary"
            sx={{ px: 2.5, py: 1, maxWidth: 280 }}
          >
            {translate("views.none")}
          </Typography>
        )}
        {own.map((view) => (
          <MenuItem
            key={view.id}
            selected={view.id === activeId}
            onClick={() => {
              close();
              apply(view);
            }}
          >
            <ListItemText
              primary={view.name}
              secondary={[
                view.userId === userId ? null : translate("views.of_brand"),
                view.userId === userId && view.isShared
                  ? translate("views.shared")
                  : null,
                view.defaultFor === null
                  ? null
                  : translate("views.default_of", {
                      role: translate(`roles.${view.defaultFor}`),
                    }),
              ]
                .filter((part) => part !== null)
                .join(" · ")}
              slotProps={{ secondary: { variant: "caption" } }}
            />
            {view.id === activeId && <CheckIcon fontSize="small" />}
          </MenuItem>
        ))}
        <Divider sx={{ my: 0.75 }} />
        <MenuItem
          onClick={() => {
            close();
            setDraft({ view: null, name: "" });
          }}
        >
          {translate("views.save_as")}
        </MenuItem>
        {active !== null && isMine && edited && (
          <MenuItem
            onClick={() => {
              close();
              void write(active, { view: state }, "views.updated");
            }}
          >
            {translate("views.update", { name: active.name })}
          </MenuItem>
        )}
        {active !== null && isMine && (
          <MenuItem
            onClick={() => {
              close();
              setDraft({ view: active, name: active.name });
            }}
          >
            {translate("views.rename")}
          </MenuItem>
        )}
        {active !== null && (
          <MenuItem
            onClick={() => {
              close();
              copyLink(active);
            }}
          >
            <ListItemIcon>
              <LinkIcon fontSize="small" />
            </ListItemIcon>
            {translate("views.copy_link")}
          </MenuItem>
        )}
        {active !== null && isMine && session.brand !== null && (
          <MenuItem
            onClick={() => {
              void write(
                active,
                active.isShared
                  ? { isShared: false, defaultFor: null }
                  : { isShared: true },
                active.isShared ? "views.unshared_done" : "views.shared_done",
              );
            }}
            role="menuitemcheckbox"
            aria-checked={active.isShared}
          >
            <FormControlLabel
              sx={{ pointerEvents: "none", m: 0, gap: 1 }}
              control={
                <Switch
                  size="small"
                  checked={active.isShared}
                  tabIndex={-1}
                  slotProps={{ input: { "aria-hidden": true } }}
                />
              }
              label={translate("views.share")}
            />
          </MenuItem>
        )}
        {active !== null &&
          isMine &&
          active.isShared &&
          mayDefault &&
          ROLES.map((one) => (
            <MenuItem
              key={one}
              role="menuitemradio"
              aria-checked={active.defaultFor === one}
              onClick={() => {
                void write(
                  active,
                  { defaultFor: active.defaultFor === one ? null : one },
                  "views.updated",
                );
              }}
            >
              <ListItemText
                primary={translate("views.make_default", {
                  role: translate(`roles.${one}`),
                })}
              />
              {active.defaultFor === one && <CheckIcon fontSize="small" />}
            </MenuItem>
          ))}
        {active !== null && isMine && (
          <MenuItem
            sx={{ color: "error.main" }}
            onClick={() => {
              close();
              void change(
                (provider) =>
                  provider.delete<SavedView>(SAVED_VIEWS, {
                    id: active.id,
                    previousData: active,
                  }),
                "views.deleted",
              ).then((done) => {
                if (done !== null) setActive(null);
              });
            }}
          >
            {translate("views.delete")}
          </MenuItem>
        )}
      </Menu>
      {draft !== null && (
        <NameDialog
          draft={draft}
          onClose={() => setDraft(null)}
          onSave={(newName) => void saveDraft(draft, newName)}
        />
      )}
    </>
  );
};
