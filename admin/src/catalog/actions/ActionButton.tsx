import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import { useQueryClient } from "@tanstack/react-query";
import { createElement, useId, useState } from "react";
import type { Identifier } from "react-admin";
import { Form, useDataProvider, useNotify, useTranslate } from "react-admin";

import type { AppDataProvider } from "../../dataProvider.ts";
import type { AdminResource } from "../adopt.ts";
import { iconNamed } from "../icons.ts";
import { FieldInput } from "../inputs/FieldInput.tsx";
import type { CatalogAction } from "../types.ts";
import { actionInput, argumentField } from "./actionForm.ts";

/**
 * A function of the database as a button: it says what will happen, asks for
 * what the function needs, and runs on one row or on a selection.
 */
export const ActionButton = ({
  resource,
  action,
  ids,
  onDone,
}: {
  resource: AdminResource;
  action: CatalogAction;
  ids: readonly Identifier[];
  onDone?: () => void;
}) => {
  const translate = useTranslate();
  const notify = useNotify();
  const title = useId();
  const queryClient = useQueryClient();
  const dataProvider = useDataProvider<AppDataProvider>();
  const [open, setOpen] = useState(false);
  const [busy, setBusy] = useState(false);
  const asks = action.confirm !== null || action.arguments.length > 0;

  const run = (values: Record<string, unknown>) => {
    setBusy(true);
    dataProvider
      .mutate(
        action.mutation,
        actionInput(action, ids, values),
        "clientMutationId",
        { inputType: action.inputType, resource: resource.name },
      )
      .then(() => {
        setOpen(false);
        notify("actions.done", {
          type: "info",
          messageArgs: { label: action.label },
        });
        onDone?.();
        return queryClient.invalidateQueries();
      })
      .catch((error: unknown) => {
        notify(error instanceof Error ? error.message : String(error), {
          type: "error",
        });
      })
      .finally(() => setBusy(false));
  };

  return (
    <>
      <Button
        variant="outlined"
        startIcon={
          action.icon === null
            ? undefined
            : createElement(iconNamed(action.icon))
        }
        disabled={busy}
        onClick={() => (asks ? setOpen(true) : run({}))}
      >
        {action.label}
      </Button>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        aria-labelledby={title}
        fullWidth
        maxWidth="sm"
      >
        <Form onSubmit={(values: Record<string, unknown>) => run(values)}>
          <DialogTitle id={title}>{action.label}</DialogTitle>
          <DialogContent>
            {(action.confirm ?? action.help) !== null && (
              <DialogContentText sx={{ mb: 1 }}>
                {action.confirm ?? action.help}
              </DialogContentText>
            )}
            {action.arguments.map((argument) => (
              <FieldInput
                key={argument.name}
                resource={resource}
                field={argumentField(argument)}
                verb="create"
              />
            ))}
          </DialogContent>
          <DialogActions>
            <Button onClick={() => setOpen(false)}>
              {translate("app.cancel")}
            </Button>
            <Button type="submit" variant="contained" disabled={busy}>
              {action.label}
            </Button>
          </DialogActions>
        </Form>
      </Dialog>
    </>
  );
};
