/**
 * One field of a CSV line. A spreadsheet runs a cell that begins like a formula;
 * an apostrophe in front makes it text again.
 */
export function csvField(value: string): string {
  const text = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
