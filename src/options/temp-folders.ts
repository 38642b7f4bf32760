/** Reads the folders that the environment names for the temporary files of SQLite. */

/** In the order in which SQLite tries them; those that are not set are left out. */
export function namedTempFolders(): readonly string[] {
  const { SQLITE_TMPDIR, TMPDIR } = process.env;
  return [SQLITE_TMPDIR, TMPDIR].filter((folder): folder is string => folder !== undefined && folder !== '');
}
