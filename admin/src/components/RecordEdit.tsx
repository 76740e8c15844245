import { useQueryClient } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { Fragment, useState } from "react";
import type { EditProps, RaRecord } from "react-admin";
import { Edit, useNotify, useRedirect, useResourceContext } from "react-admin";

import type { Conflict } from "../catalog/conflict/ConflictDialog.tsx";
import { ConflictDialog } from "../catalog/conflict/ConflictDialog.tsx";

type ServerError = Error & {
  body?: { code?: string; errors?: Record<string, unknown> };
};

export const codeOf = (error: unknown): string =>
  (error as ServerError | null)?.body?.code ?? "";

type Saved = {
  id: RaRecord["id"];
  data: Partial<RaRecord>;
  previousData: RaRecord;
};

/**
 * An edit page that waits for the server and takes its refusal seriously: a
 * record somebody else saved first is never overwritten silently. Both versions
 * are shown, and the person chooses field by field.
 */
export const RecordEdit = ({
  children,
  mutationOptions,
  redirect: redirectTo = "show",
  ...props
}: EditProps & { children: ReactNode }) => {
  const notify = useNotify();
  const redirect = useRedirect();
  const queryClient = useQueryClient();
  const resource = useResourceContext(props) ?? "";
  const [conflict, setConflict] = useState<Conflict | null>(null);
  const [version, setVersion] = useState(0);
  // Pages read different columns of one record: each has to read again.
  const forget = () => queryClient.invalidateQueries({ queryKey: [resource] });
  const failed = (error: unknown, saved?: Saved) => {
    if (codeOf(error) === "STALE" && saved !== undefined) {
      // The dialog says it; the form would say it a second time.
      delete (error as ServerError).body?.errors;
      setConflict({
        id: saved.id,
        before: saved.previousData,
        mine: saved.data,
      });
      return;
    }
    // Field errors stand at their fields; the sentence is said aloud too.
    notify(error instanceof Error ? error.message : String(error), {
      type: "error",
    });
  };
  const columns = (
    props.queryOptions?.meta as { columns?: readonly string[] } | undefined
  )?.columns;
  return (
    <Edit
      mutationMode="pessimistic"
      redirect={redirectTo}
      {...props}
      mutationOptions={{
        // Not after a refusal: a fresh record would take the place of the text.
        onSettled: (_data: unknown, error: unknown) => {
          if (error === null || error === undefined) void forget();
        },
        ...mutationOptions,
        onError: (error: unknown, variables: unknown) =>
          failed(error, variables as Saved),
      }}
    >
      {/* What was merged is saved: the form behind it starts afresh. */}
      <Fragment key={version}>{children}</Fragment>
      {conflict !== null && (
        <ConflictDialog
          conflict={conflict}
          columns={columns}
          onClose={() => setConflict(null)}
          onSaved={(record) => {
            setConflict(null);
            setVersion(version + 1);
            void forget();
            notify("ra.notification.updated", {
              type: "info",
              messageArgs: { smart_count: 1 },
            });
            redirect(redirectTo, resource, record.id, record);
          }}
          onFailed={(error) => {
            // Saved once more meanwhile: the dialog begins again with that version.
            if (codeOf(error) === "STALE") setConflict({ ...conflict });
            else failed(error);
          }}
        />
      )}
    </Edit>
  );
};
