import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import Skeleton from "@mui/material/Skeleton";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { useEffect, useId, useState } from "react";
import type { RaRecord } from "react-admin";
import {
  useDataProvider,
  useResourceContext,
  useTranslate,
  useUpdate,
} from "react-admin";

import { RelativeTime } from "../../components/RelativeTime.tsx";
import { useTokens } from "../../theme/useTokens.ts";
import type { AdminResource } from "../adopt.ts";
import { fieldOf } from "../adopt.ts";
import { useCatalog } from "../CatalogContext.tsx";
import { PlainValue } from "../fields/PlainValue.tsx";
import type { Choice, FieldChange } from "./merge.ts";
import { compareVersions, firstChoices, mergeVersions } from "./merge.ts";

/** A save the server refused because the record is no longer what was read. */
export type Conflict = {
  id: RaRecord["id"];
  before: RaRecord;
  mine: Partial<RaRecord>;
};

const Version = ({
  resource,
  change,
  side,
  beside,
}: {
  resource: AdminResource | undefined;
  change: FieldChange;
  side: "before" | "theirs" | "mine";
  beside: Readonly<Record<string, unknown>>;
}) => {
  const field = resource ? fieldOf(resource, change.name) : undefined;
  if (resource === undefined || field === undefined) {
    return <span>{JSON.stringify(change[side])}</span>;
  }
  return (
    <PlainValue
      resource={resource}
      field={field}
      value={change[side]}
      beside={beside}
    />
  );
};

const Option = ({
  name,
  choice,
  chosen,
  label,
  onChoose,
  children,
}: {
  name: string;
  choice: Choice;
  chosen: boolean;
  label: string;
  onChoose: () => void;
  children: ReactNode;
}) => {
  const c = useTokens();
  return (
    <Box
      component="label"
      sx={{
        display: "flex",
        gap: 1,
        alignItems: "flex-start",
        p: 1.25,
        borderRadius: "10px",
        cursor: "pointer",
        border: `1px solid ${chosen ? c.accent : c.line}`,
        bgcolor: chosen ? c.accentSoft : "transparent",
        minWidth: 0,
        "&:focus-within": {
          outline: `2px solid ${c.accent}`,
          outlineOffset: 2,
        },
      }}
    >
      <Box
        component="input"
        type="radio"
        name={name}
        value={choice}
        checked={chosen}
        onChange={onChoose}
        sx={{ accentColor: c.accent, mt: "3px", flexShrink: 0 }}
      />
      <Box sx={{ minWidth: 0, overflowWrap: "anywhere" }}>
        <Typography variant="caption" color="textSecondary" component="div">
          {label}
        </Typography>
        <Typography variant="body2" component="div">
          {children}
        </Typography>
      </Box>
    </Box>
  );
};

/**
 * Both versions field by field. Where only one side changed something, that is
 * kept; where both did, the person chooses. What is saved stands on the version
 * shown here, so a third save in between opens this again.
 */
export const ConflictDialog = ({
  conflict,
  columns,
  onClose,
  onSaved,
  onFailed,
}: {
  conflict: Conflict;
  /** What the page reads of the record, so that references have names here too. */
  columns: readonly string[] | undefined;
  onClose: () => void;
  onSaved: (record: RaRecord) => void;
  onFailed: (error: unknown) => void;
}) => {
  const translate = useTranslate();
  const title = useId();
  const name = useResourceContext() ?? "";
  const resource = useCatalog().byName.get(name);
  const schema = useCatalog().schemas[name];
  const dataProvider = useDataProvider();
  const [theirs, setTheirs] = useState<RaRecord | null>(null);
  const [choices, setChoices] = useState<Record<string, Choice>>({});
  const [update, { isPending }] = useUpdate();
  const names = schema
    ? Object.keys(schema.fields).filter(
        (field) => schema.fields[field]?.update && field !== schema.version,
      )
    : [];

  useEffect(() => {
    let open = true;
    dataProvider
      .getOne<RaRecord>(name, {
        id: conflict.id,
        ...(columns ? { meta: { columns } } : {}),
      })
      .then(({ data }) => {
        if (!open) return;
        setTheirs(data);
        setChoices(
          firstChoices(
            compareVersions(names, conflict.before, data, conflict.mine),
          ),
        );
      })
      .catch((error: unknown) => {
        if (open) onFailed(error);
      });
    return () => {
      open = false;
    };
    // A conflict is read once; the next one is another dialog.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [conflict]);

  const changes =
    theirs === null
      ? []
      : compareVersions(names, conflict.before, theirs, conflict.mine);
  const labelOf = (field: string) =>
    (resource && fieldOf(resource, field)?.label) ??
    translate(`resources.${name}.fields.${field}`, { _: field });

  const save = () => {
    if (theirs === null) return;
    void update(
      name,
      {
        id: conflict.id,
        data: mergeVersions(theirs, changes, choices),
        previousData: theirs,
      },
      {
        mutationMode: "pessimistic",
        onSuccess: (record: RaRecord) => onSaved(record),
        onError: onFailed,
      },
    );
  };
  const changedAt = schema?.version ? theirs?.[schema.version] : null;

  return (
    <Dialog
      open
      onClose={onClose}
      aria-labelledby={title}
      maxWidth="md"
      fullWidth
    >
      <DialogTitle id={title}>{translate("stale.title")}</DialogTitle>
      <DialogContent>
        <DialogContentText sx={{ mb: 2 }}>
          {translate("stale.choose")}{" "}
          {typeof changedAt === "string" && (
            <>
              {translate("stale.saved")} <RelativeTime value={changedAt} />.
            </>
          )}
        </DialogContentText>
        {theirs === null ? (
          <Box sx={{ display: "grid", gap: 1.5 }} aria-busy="true">
            <Skeleton variant="rounded" height={72} />
            <Skeleton variant="rounded" height={72} />
          </Box>
        ) : (
          <>
            {changes.length === 0 && (
              <Alert severity="info">{translate("stale.nothing")}</Alert>
            )}
            <Box sx={{ display: "grid", gap: 2.5 }}>
              {changes.map((change) => (
                <Box
                  component="fieldset"
                  key={change.name}
                  sx={{ border: 0, m: 0, p: 0, minWidth: 0 }}
                >
                  <Typography component="legend" variant="subtitle2">
                    {labelOf(change.name)}
                    <Typography
                      component="span"
                      variant="caption"
                      color="textSecondary"
                      sx={{ ml: 1 }}
                    >
                      {translate(`stale.by_${change.by}`)}
                      {" · "}
                      {translate("stale.before")}{" "}
                      <Version
                        resource={resource}
                        change={change}
                        side="before"
                        beside={conflict.before}
                      />
                    </Typography>
                  </Typography>
                  <Box
                    sx={{
                      mt: 0.75,
                      display: "grid",
                      gap: 1,
                      gridTemplateColumns: {
                        xs: "minmax(0,1fr)",
                        sm: "repeat(2, minmax(0,1fr))",
                      },
                    }}
                  >
                    {(["mine", "theirs"] as const).map((side) => (
                      <Option
                        key={side}
                        name={`conflict-${change.name}`}
                        choice={side}
                        chosen={choices[change.name] === side}
                        label={translate(`stale.${side}`)}
                        onChoose={() =>
                          setChoices({ ...choices, [change.name]: side })
                        }
                      >
                        <Version
                          resource={resource}
                          change={change}
                          side={side}
                          beside={
                            side === "mine"
                              ? { ...conflict.before, ...conflict.mine }
                              : theirs
                          }
                        />
                      </Option>
                    ))}
                  </Box>
                </Box>
              ))}
            </Box>
          </>
        )}
      </DialogContent>
      <DialogActions>
        <Button onClick={onClose}>{translate("stale.keep")}</Button>
        <Button
          variant="contained"
          onClick={save}
          disabled={theirs === null || isPending}
        >
          {translate("stale.save")}
        </Button>
      </DialogActions>
    </Dialog>
  );
};
