import Button from "@mui/material/Button";
import { useListContext, useTranslate, useTranslateLabel } from "react-admin";
import { useNavigate } from "react-router";

import { EmptyState } from "./EmptyState.tsx";

type Refusal = { status?: unknown; body?: { errors?: object } | null };

/**
 * In words of the page: the server's own where it refused. Without a status the
 * question never left: a link, or a view of former days, names what is not here.
 */
const useReason = (error: unknown): string => {
  const translate = useTranslate();
  const labelOf = useTranslateLabel();
  const { resource } = useListContext();
  const { status, body } = error as Refusal;
  const text = error instanceof Error ? error.message : String(error);
  if (status === undefined) {
    const [first = ""] = text.split(/(?<=\.) /);
    return translate("lists.unknown_question", { reason: first });
  }
  const sentence = translate(text, { _: text });
  const [field] = Object.keys(body?.errors ?? {}).filter(
    (name) => name !== "root",
  );
  const [source = ""] = (field ?? "").split("@");
  return source === ""
    ? sentence
    : `${String(labelOf({ source, resource }))}: ${sentence}`;
};

/** Instead of the rows: why they cannot be read, and the ways on. */
export const ListError = ({ error }: { error: unknown }) => {
  const translate = useTranslate();
  const navigate = useNavigate();
  const { refetch, filterValues, resource } = useListContext();
  // The list's own order is what an address without one has.
  const reset = () => void navigate(`/${resource}?filter=%7B%7D`);
  const isNarrowed =
    Object.keys((filterValues ?? {}) as object).length > 0 ||
    (error as Refusal).status === undefined;
  return (
    <EmptyState
      dense
      category="belts"
      title={translate("lists.failed")}
      body={useReason(error)}
      action={
        <>
          {isNarrowed && (
            <Button variant="outlined" onClick={reset}>
              {translate("lists.reset")}
            </Button>
          )}
          <Button variant="outlined" onClick={() => void refetch()}>
            {translate("app.retry")}
          </Button>
        </>
      }
    />
  );
};
