/** What SQLite may put beside a database. */
export const sidecarSuffixes = ['-journal', '-wal', '-shm'] as const;
