import Alert from "@mui/material/Alert";
import Button from "@mui/material/Button";
import Skeleton from "@mui/material/Skeleton";
import type { ReactNode } from "react";
import { useTranslate } from "react-admin";

import { errorSentence } from "../auth/AuthForm.tsx";

type Asked<Data> = {
  data: Data | undefined;
  error: Error | null;
  refetch: () => unknown;
};

/** What a query answered; until then a skeleton, or what went wrong and a way on. */
export const Loaded = <Data,>({
  query,
  height,
  children,
}: {
  query: Asked<Data>;
  /** Of the skeleton: about what will stand there. */
  height: number;
  children: (data: Data) => ReactNode;
}) => {
  const translate = useTranslate();
  const { data, error, refetch } = query;
  if (data !== undefined) return children(data);
  if (error === null) return <Skeleton variant="rounded" height={height} />;
  const { message, hint } = errorSentence(error);
  return (
    <Alert
      severity="error"
      role="alert"
      action={
        <Button size="small" onClick={() => void refetch()}>
          {translate("app.retry")}
        </Button>
      }
    >
      {translate(message, { _: message })} {hint}
    </Alert>
  );
};
