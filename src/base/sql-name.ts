/** Quotes names for SQL texts. */

/** `name` as an SQL identifier: in double quotes, those inside doubled (sqlite.org/lang_keywords.html). */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
