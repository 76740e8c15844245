import Box from "@mui/material/Box";
import Button from "@mui/material/Button";
import Typography from "@mui/material/Typography";
import type { ReactNode } from "react";
import { LinkBase, Title, useTranslate } from "react-admin";

const Notice = ({
  title,
  body,
  actions,
  children,
}: {
  title: string;
  body: string;
  actions: ReactNode;
  children?: ReactNode;
}) => (
  <Box
    sx={{
      maxWidth: 560,
      mx: "auto",
      py: { xs: 6, md: 12 },
      textAlign: "center",
    }}
  >
    <Box
      component="img"
      src="/illustrations/hats.svg?color=taupe"
      alt=""
      width={148}
      height={148}
      sx={{ borderRadius: "20px", mb: 4 }}
    />
    <Typography variant="h2" component="h2" gutterBottom>
      {title}
    </Typography>
    <Typography color="textSecondary" sx={{ mb: 3 }}>
      {body}
    </Typography>
    <Box
      sx={{
        display: "flex",
        gap: 1.5,
        justifyContent: "center",
        flexWrap: "wrap",
      }}
    >
      {actions}
    </Box>
    {children}
  </Box>
);

export const ErrorPage = ({
  error,
  resetErrorBoundary,
}: {
  error?: unknown;
  resetErrorBoundary?: (...args: unknown[]) => void;
}) => {
  const translate = useTranslate();
  return (
    <Notice
      title={translate("errors.page_title")}
      body={translate("errors.page_body")}
      actions={
        <>
          <Button
            variant="contained"
            onClick={() => {
              resetErrorBoundary?.();
              window.location.reload();
            }}
          >
            {translate("app.reload")}
          </Button>
          <Button variant="outlined" href="/admin/">
            {translate("errors.home")}
          </Button>
        </>
      }
    >
      <Box component="details" sx={{ mt: 4, textAlign: "left" }}>
        <Typography
          component="summary"
          variant="body2"
          sx={{ cursor: "pointer" }}
        >
          {translate("errors.details")}
        </Typography>
        <Box
          component="pre"
          sx={{
            fontSize: 12,
            whiteSpace: "pre-wrap",
            overflowWrap: "anywhere",
          }}
        >
          {error instanceof Error ? error.message : String(error)}
        </Box>
      </Box>
    </Notice>
  );
};

const HomeButton = () => {
  const translate = useTranslate();
  return (
    <Button variant="contained" component={LinkBase} to="/">
      {translate("errors.home")}
    </Button>
  );
};

export const NotFoundPage = () => {
  const translate = useTranslate();
  return (
    <>
      <Title title={translate("errors.missing_title")} />
      <Notice
        title={translate("errors.missing_title")}
        body={translate("errors.missing_body")}
        actions={<HomeButton />}
      />
    </>
  );
};

/** A table that a developer dropped, or that the role no longer sees. */
export const GonePage = ({ label }: { label: string }) => {
  const translate = useTranslate();
  return (
    <>
      <Title title={translate("errors.gone_title", { label })} />
      <Notice
        title={translate("errors.gone_title", { label })}
        body={translate("errors.gone_body")}
        actions={<HomeButton />}
      />
    </>
  );
};

export const DeniedPage = () => {
  const translate = useTranslate();
  return (
    <>
      <Title title={translate("errors.denied_title")} />
      <Notice
        title={translate("errors.denied_title")}
        body={translate("errors.denied_body")}
        actions={<HomeButton />}
      />
    </>
  );
};
