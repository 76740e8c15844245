import Box from "@mui/material/Box";
import type { ReactNode } from "react";

import type { AdminResource } from "../adopt.ts";
import type { CatalogField } from "../types.ts";
import type { FormVerb } from "./FieldInput.tsx";
import { FieldInput } from "./FieldInput.tsx";
import { isWide } from "./formValues.ts";

/** Two columns on a desk, one on a phone; what is long takes the whole width. */
export const InputGrid = ({ children }: { children: ReactNode }) => (
  <Box
    sx={{
      width: "100%",
      maxWidth: 880,
      display: "grid",
      columnGap: 2,
      gridTemplateColumns: {
        xs: "minmax(0,1fr)",
        sm: "repeat(2, minmax(0,1fr))",
      },
      alignItems: "start",
    }}
  >
    {children}
  </Box>
);

export const Wide = ({ children }: { children: ReactNode }) => (
  <Box sx={{ gridColumn: "1 / -1" }}>{children}</Box>
);

/** Every input of a form, each as its column asks. */
export const CatalogInputs = ({
  resource,
  fields,
  verb,
}: {
  resource: AdminResource;
  fields: readonly CatalogField[];
  verb: FormVerb;
}) => (
  <InputGrid>
    {fields.map((field) => {
      const input = (
        <FieldInput resource={resource} field={field} verb={verb} />
      );
      return isWide(field) ? (
        <Wide key={field.name}>{input}</Wide>
      ) : (
        <Box key={field.name} sx={{ minWidth: 0 }}>
          {input}
        </Box>
      );
    })}
  </InputGrid>
);
