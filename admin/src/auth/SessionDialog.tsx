import Alert from "@mui/material/Alert";
import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Dialog from "@mui/material/Dialog";
import DialogActions from "@mui/material/DialogActions";
import DialogContent from "@mui/material/DialogContent";
import DialogContentText from "@mui/material/DialogContentText";
import DialogTitle from "@mui/material/DialogTitle";
import { useQueryClient } from "@tanstack/react-query";
import type { FormEvent } from "react";
import { useEffect, useId, useState } from "react";
import { useTranslate } from "react-admin";

import { reopenLive } from "../live/liveClient.ts";
import type { Session } from "../session.ts";
import {
  actingSession,
  forgetSession,
  isSameActor,
  loadSession,
  peekSession,
  signIn,
  switchBrand,
} from "../session.ts";
import { errorSentence, PasswordField } from "./AuthForm.tsx";
import { followSignOut } from "./otherTabs.ts";
import { setTrouble, useSessionTrouble } from "./sessionTrouble.ts";

const openAnew = (path: string) => window.location.assign(`/admin${path}`);

/** Everything on the page is read again, as whom it was opened for. */
const useGoOn = () => {
  const queryClient = useQueryClient();
  return () => {
    reopenLive();
    setTrouble("none");
    void queryClient.invalidateQueries();
  };
};

/** Signs in, and back to the brand of the page; false where that is not to be had. */
async function enterAgain(before: Session, password: string): Promise<boolean> {
  await signIn(before.user?.email ?? "", password);
  const brandId = before.brand?.id ?? null;
  let session = await loadSession();
  if ((session.brand?.id ?? null) !== brandId) {
    // Of a brand that is closed to this person now, the start page says more.
    await switchBrand(brandId).catch(() => undefined);
    session = await loadSession();
  }
  return isSameActor(session, before) && session.role === before.role;
}

const Ended = ({ before }: { before: Session }) => {
  const translate = useTranslate();
  const goOn = useGoOn();
  const heading = useId();
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState("");
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setRefusal("");
    enterAgain(before, password)
      .then((isSame) => (isSame ? goOn() : openAnew("/")))
      .catch((error: unknown) => {
        const { message, hint } = errorSentence(error);
        setRefusal(`${translate(message, { _: message })} ${hint}`.trim());
      })
      .finally(() => setBusy(false));
  };
  return (
    <Dialog
      open
      fullWidth
      maxWidth="xs"
      aria-labelledby={heading}
      slotProps={{ paper: { component: "form", onSubmit: submit } }}
    >
      <DialogTitle id={heading}>{translate("auth.again_title")}</DialogTitle>
      <DialogContent>
        <DialogContentText sx={{ mb: 2 }}>
          {translate("auth.again_body", { email: before.user?.email ?? "" })}
        </DialogContentText>
        {refusal !== "" && (
          <Alert severity="error" role="alert" sx={{ mb: 2 }}>
            {refusal}
          </Alert>
        )}
        {/* A password manager looks for the name beside the password. */}
        <input
          type="email"
          name="email"
          autoComplete="username"
          value={before.user?.email ?? ""}
          readOnly
          hidden
        />
        <Box sx={{ pt: 0.5 }}>
          <PasswordField
            label={translate("auth.password")}
            autoComplete="current-password"
            value={password}
            onChange={setPassword}
          />
        </Box>
      </DialogContent>
      <DialogActions>
        <Button
          onClick={() => {
            forgetSession();
            openAnew("/login");
          }}
        >
          {translate("auth.again_leave")}
        </Button>
        <Button
          type="submit"
          variant="contained"
          disabled={busy || password === ""}
          aria-busy={busy}
        >
          {translate("auth.submit")}
        </Button>
      </DialogActions>
    </Dialog>
  );
};

const placeOf = (
  session: Session,
  translate: (key: string) => string,
): string =>
  session.brand?.name ??
  translate(
    session.staffRole === null ? "brand_switch.personal" : "brand_switch.staff",
  );

/** Another tab acts as somebody else, or for another brand, than this one. */
const Other = ({ before, now }: { before: Session; now: Session }) => {
  const translate = useTranslate();
  const goOn = useGoOn();
  const heading = useId();
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState("");
  const isSamePerson = before.user?.id === now.user?.id;
  const back = () => {
    setBusy(true);
    switchBrand(before.brand?.id ?? null)
      .then(loadSession)
      .then(goOn)
      .catch((error: unknown) => setRefusal(errorSentence(error).message))
      .finally(() => setBusy(false));
  };
  return (
    <Dialog open fullWidth maxWidth="xs" aria-labelledby={heading}>
      <DialogTitle id={heading}>{translate("auth.other_title")}</DialogTitle>
      <DialogContent>
        <DialogContentText>
          {isSamePerson
            ? translate("auth.other_brand", {
                before: placeOf(before, translate),
                now: placeOf(now, translate),
              })
            : translate("auth.other_person", {
                before: before.user?.email ?? "",
                now: now.user?.email ?? "",
              })}
        </DialogContentText>
        {refusal !== "" && (
          <Alert severity="error" role="alert" sx={{ mt: 2 }}>
            {translate(refusal, { _: refusal })}
          </Alert>
        )}
      </DialogContent>
      <DialogActions sx={{ flexWrap: "wrap", rowGap: 1 }}>
        <Button onClick={() => openAnew("/")}>
          {translate("auth.other_open", {
            name: isSamePerson
              ? placeOf(now, translate)
              : (now.user?.email ?? ""),
          })}
        </Button>
        {isSamePerson && (
          <Button
            variant="contained"
            disabled={busy}
            aria-busy={busy}
            onClick={back}
          >
            {translate("auth.other_back", { name: placeOf(before, translate) })}
          </Button>
        )}
      </DialogActions>
    </Dialog>
  );
};

/** Who the server says this browser is, asked again whenever this tab is looked at. */
const useSessionNow = (before: Session): Session | null => {
  const [now, setNow] = useState<Session | null>(null);
  const goOn = useGoOn();
  useEffect(() => {
    let mounted = true;
    const look = () => {
      peekSession().then(
        (session) => {
          if (!mounted) return;
          // Put right in the other tab.
          if (isSameActor(session, before)) goOn();
          else setNow(session);
        },
        // The notice of the lost connection is there already.
        () => undefined,
      );
    };
    look();
    window.addEventListener("focus", look);
    return () => {
      mounted = false;
      window.removeEventListener("focus", look);
    };
    // goOn holds no state: one listener for as long as the dialog is open.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [before]);
  return now;
};

const Trouble = ({ before }: { before: Session }) => {
  const now = useSessionNow(before);
  if (now === null) return null;
  return now.user === null ? (
    <Ended before={before} />
  ) : (
    <Other before={before} now={now} />
  );
};

/** Over the page, which keeps what was typed. */
export const SessionDialog = () => {
  const trouble = useSessionTrouble();
  const before = actingSession();
  useEffect(followSignOut, []);
  return trouble === "none" || before === null ? null : (
    <Trouble before={before} />
  );
};
