import type { ChangeEvent, DragEvent } from "react";
import { useEffect, useState } from "react";
import type { UseInputValue } from "react-admin";
import { useDataProvider, useTranslate } from "react-admin";

import type { AppDataProvider } from "../dataProvider.ts";
import { formatBytes } from "../format.ts";
import { PICTURE_TYPES, uploadPicture } from "./uploadFile.ts";

const MAX_BYTES = 10_000_000;

/**
 * A picture of a form: chosen or dropped, sent at once, kept when the form is
 * saved. Every page that takes a picture asks here, and only draws it its own way.
 */
export const usePicture = (
  field: Pick<UseInputValue["field"], "value" | "onChange">,
  stored: {
    /** The key the record holds, and the link to what is stored under it. */
    key: string | null | undefined;
    url: string | null | undefined;
  },
  kind: "GARMENT" | "SELFIE" = "GARMENT",
) => {
  const translate = useTranslate();
  const dataProvider = useDataProvider<AppDataProvider>();
  const [preview, setPreview] = useState<{ key: string; url: string } | null>(
    null,
  );
  const [progress, setProgress] = useState<number | null>(null);
  const [fault, setFault] = useState("");
  const [isOver, setOver] = useState(false);

  useEffect(
    () => () => {
      if (preview !== null) URL.revokeObjectURL(preview.url);
    },
    [preview],
  );

  const take = (file: File | undefined) => {
    setOver(false);
    if (file === undefined) return;
    if (!PICTURE_TYPES.includes(file.type)) {
      setFault(translate("upload.wrong_type"));
      return;
    }
    if (file.size > MAX_BYTES) {
      setFault(translate("upload.too_big", { size: formatBytes(file.size) }));
      return;
    }
    setFault("");
    setProgress(0);
    uploadPicture(dataProvider, file, setProgress, kind)
      .then((key) => {
        setPreview({ key, url: URL.createObjectURL(file) });
        field.onChange(key);
      })
      .catch((reason: unknown) => {
        const message =
          reason instanceof Error ? reason.message : "upload.failed";
        setFault(translate(message, { _: message }));
      })
      .finally(() => setProgress(null));
  };

  // A form field without a value reads "", never null.
  const key = (field.value as string | null) || null;
  const urlOf = (wanted: string): string | null => {
    if (preview?.key === wanted) return preview.url;
    return wanted === stored.key ? (stored.url ?? null) : null;
  };
  return {
    isEmpty: key === null,
    /** What can be shown of it; a key set elsewhere has no link yet. */
    url: key === null ? null : urlOf(key),
    /** From 0 to 1 while it is being sent. */
    progress,
    fault,
    isOver,
    remove: () => field.onChange(null),
    choose: (event: ChangeEvent<HTMLInputElement>) => {
      take(event.target.files?.[0]);
      // The same file may be chosen again after a fault.
      event.target.value = "";
    },
    /** Of the area that a file may be dropped on. */
    dropTarget: {
      onDragOver: (event: DragEvent) => {
        event.preventDefault();
        setOver(true);
      },
      onDragLeave: () => setOver(false),
      onDrop: (event: DragEvent) => {
        event.preventDefault();
        take(event.dataTransfer.files[0]);
      },
    },
  };
};

export type Picture = ReturnType<typeof usePicture>;
