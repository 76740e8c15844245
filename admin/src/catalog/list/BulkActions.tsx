import EditIcon from "@mui/icons-material/EditOutlined";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Checkbox from "@mui/material/Checkbox";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import FormControlLabel from "@mui/material/FormControlLabel";
import { useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useId, useState } from "react";
import {
  BulkDeleteButton,
  Form,
  useListContext,
  useNotify,
  useTranslate,
  useUpdateMany,
} from "react-admin";

import { ActionButton } from "../actions/ActionButton.tsx";
import type { AdminResource } from "../adopt.ts";
import { fieldOf } from "../adopt.ts";
import { FieldInput } from "../inputs/FieldInput.tsx";
import { formFields } from "../inputs/formValues.ts";
import { bulkValues } from "./bulkValues.ts";
import { versionsOf } from "./versionsOf.ts";

/** Whether a selection of rows is good for anything. */
export const hasBulkActions = (resource: AdminResource): boolean =>
  resource.verbs.update ||
  resource.verbs.delete ||
  resource.actions.some(({ on }) => on === "selection");

/** Which fields to change, and to what; fields not chosen stay as they are. */
const BulkEdit = ({ resource }: { resource: AdminResource }) => {
  const translate = useTranslate();
  const notify = useNotify();
  const title = useId();
  const queryClient = useQueryClient();
  const { selectedIds, onUnselectItems, data: shown } = useListContext();
  const [open, setOpen] = useState(false);
  const [chosen, setChosen] = useState<string[]>([]);
  const [updateMany, { isPending }] = useUpdateMany();
  const fields = formFields(resource, "update");
  const count = selectedIds?.length ?? 0;

  const save = (values: Record<string, unknown>) => {
    void updateMany(
      resource.name,
      {
        ids: selectedIds ?? [],
        data: bulkValues(
          chosen.flatMap((name) => fieldOf(resource, name) ?? []),
          values,
        ),
        meta: { versions: versionsOf(resource, shown) },
      },
      {
        mutationMode: "pessimistic",
        onSuccess: () => {
          notify("bulk.done", {
            type: "info",
            messageArgs: { smart_count: count },
          });
          onUnselectItems();
          setOpen(false);
          setChosen([]);
        },
        onError: (error: unknown) => {
          notify(error instanceof Error ? error.message : String(error), {
            type: "error",
          });
        },
        // Some may be changed although others were refused.
        onSettled: () =>
          void queryClient.invalidateQueries({ queryKey: [resource.name] }),
      },
    );
  };

  if (fields.length === 0) return null;
  return (
    <>
      <Button
        size="small"
        startIcon={<EditIcon />}
        onClick={() => setOpen(true)}
      >
        {translate("bulk.edit")}
      </Button>
      <Dialog
        open={open}
        onClose={() => setOpen(false)}
        aria-labelledby={title}
        fullWidth
        maxWidth="sm"
      >
        <Form
          onSubmit={(values: Record<string, unknown>) => save(values)}
          sanitizeEmptyValues={false}
        >
          <DialogTitle id={title}>
            {translate("bulk.title", { smart_count: count })}
          </DialogTitle>
          <DialogContent>
            <DialogContentText sx={{ mb: 1 }}>
              {translate("bulk.body")}
            </DialogContentText>
            {fields.map((field) => (
              <Box key={field.name}>
                <FormControlLabel
                  control={
                    <Checkbox
                      size="small"
                      checked={chosen.includes(field.name)}
                      onChange={() =>
                        setChosen(
                          chosen.includes(field.name)
                            ? chosen.filter((one) => one !== field.name)
                            : [...chosen, field.name],
                        )
                      }
                    />
                  }
                  label={field.label}
                />
                {chosen.includes(field.name) && (
                  <Box sx={{ pl: 4, pb: 1 }}>
                    <FieldInput
                      resource={resource}
                      field={field}
                      verb="update"
                    />
                  </Box>
                )}
              </Box>
            ))}
          </DialogContent>
          <DialogActions>
            <Button onClick={() => setOpen(false)}>
              {translate("app.cancel")}
            </Button>
            <Button
              type="submit"
              variant="contained"
              disabled={chosen.length === 0 || isPending}
            >
              {translate("bulk.save", { smart_count: count })}
            </Button>
          </DialogActions>
        </Form>
      </Dialog>
    </>
  );
};

/** What can be done with the chosen rows at once; a page may have more. */
export const BulkActions = ({
  resource,
  children,
}: {
  resource: AdminResource;
  children?: ReactNode;
}) => {
  const { selectedIds, onUnselectItems } = useListContext();
  return (
    <>
      {children}
      {resource.verbs.update && <BulkEdit resource={resource} />}
      {resource.actions
        .filter(({ on }) => on === "selection")
        .map((action) => (
          <ActionButton
            key={action.mutation}
            resource={resource}
            action={action}
            ids={selectedIds ?? []}
            onDone={onUnselectItems}
          />
        ))}
      {resource.verbs.delete && <BulkDeleteButton mutationMode="undoable" />}
    </>
  );
};
