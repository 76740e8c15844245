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
import { actionInput, argumentField, errorsByField } from "./actionForm.ts";

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

  /** Answers with what is wrong at which argument, for the form to show. */
  const run = async (
    values: Record<string, unknown>,
  ): Promise<Record<string, unknown> | undefined> => {
    setBusy(true);
    try {
      await dataProvider.mutate(
        action.mutation,
        actionInput(action, ids, values),
        "clientMutationId",
        // Not as the table's: a refusal names arguments, which are no columns.
        { inputType: action.inputType },
      );
    } catch (error) {
      notify(error instanceof Error ? error.message : String(error), {
        type: "error",
      });
      return errorsByField(error);
    } finally {
      setBusy(false);
    }
    setOpen(false);
    notify("actions.done", {
      type: "info",
      messageArgs: { label: action.label },
    });
    onDone?.();
    await queryClient.invalidateQueries();
    return undefined;
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
        onClick={() => (asks ? setOpen(true) : void run({}))}
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
        {/* A form of its own: the record around it is not what the function is given. */}
        <Form
          record={{}}
          onSubmit={(values: Record<string, unknown>) => run(values)}
        >
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
