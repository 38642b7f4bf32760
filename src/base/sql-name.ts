/** Quotes identifiers for SQL texts. */

/** Returns `name` as an SQL identifier: in double quotes, with inner quotes doubled (sqlite.org/lang_keywords.html). */
export function quotedName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
