/** What `inspectFilesystem` says about the ground that a file stands on. */

export interface FilesystemReport {
  /** The file that SQLite would open: trimmed, symbolic links followed as SQLite follows them. */
  readonly path: string;
  /** Type as the operating system names it, for example `'ext4'`; `'unknown'` where it cannot be told. */
  readonly type: string;
}
