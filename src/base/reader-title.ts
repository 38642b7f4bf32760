/** How the command line of a reader process begins, for `ps` and the doctor; the process id of its parent follows. */
export const readerTitle = 'safe-sqlite reader of';
