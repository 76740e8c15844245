/** Pictures we store. SVG is not among them: it is a program a browser runs. */
export const IMAGE_TYPES: Readonly<Record<string, string>> = {
  "image/png": "png",
  "image/jpeg": "jpg",
  "image/webp": "webp",
  "image/gif": "gif",
};

/** How many first bytes sniffImageType wants to see. */
export const SNIFF_BYTES = 16;

/** What the first bytes say a file is, whatever its sender called it. */
export function sniffImageType(head: Buffer): string | null {
  const ascii = head.toString("latin1");
  if (ascii.startsWith("\x89PNG\r\n\x1a\n")) return "image/png";
  if (ascii.startsWith("\xff\xd8\xff")) return "image/jpeg";
  if (ascii.startsWith("GIF87a") || ascii.startsWith("GIF89a")) {
    return "image/gif";
  }
  if (ascii.startsWith("RIFF") && ascii.slice(8, 12) === "WEBP") {
    return "image/webp";
  }
  return null;
}

/** The type of a stored picture, from the end of the key that we gave it. */
export function imageTypeOfKey(key: string): string | null {
  const extension = key.slice(key.lastIndexOf(".") + 1);
  const found = Object.entries(IMAGE_TYPES).find(
    ([, candidate]) => candidate === extension,
  );
  return found?.[0] ?? null;
}
