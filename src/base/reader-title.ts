/** Prefix of the command line of a reader process, for `ps` and the doctor; the parent's process id follows. */
export const readerTitle = 'safe-sqlite reader of';
