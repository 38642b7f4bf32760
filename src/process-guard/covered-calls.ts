/** Lists the calls of `fs` that could harm a live database, with the effect that each has on it. */

/**
 * `'open'`: opens the file at the path; its close cancels the locks. `'copy'`: the same, and the copy is torn.
 * `'overwrite'`: opens for writing, or puts another file there.
 */
export type Effect = 'open' | 'copy' | 'overwrite';

export interface CoveredArgument {
  readonly index: number;
  readonly effect: Effect;
  /** The name itself is meant, not the target of a symbolic link. */
  readonly nameOnly: boolean;
  /** The flags of open(2) decide about the effect: those after the path, or `flag` of the options. */
  readonly flags: 'argument' | 'option' | null;
  /** A symbolic link is copied as a link, unless the options set `dereference`. */
  readonly linksStay: boolean;
}

function opened(index: number, effect: Effect): CoveredArgument {
  return { index, effect, nameOnly: false, flags: null, linksStay: false };
}

function named(index: number, effect: Effect): CoveredArgument {
  return { ...opened(index, effect), nameOnly: true };
}

/**
 * By the name of the call without `Sync`. Streams and `Utf8Stream` are covered by `open`, which they call on the
 * module.
 *
 * Not covered, because they open nothing and cancel no lock: `stat` and its family, `access`, `realpath`, `readdir`, `watch`,
 * `utimes`, `chmod`, `link`, `rename` of the database away (the sentinel notices that the file is gone); and calls with a
 * descriptor, whose opening was the moment to refuse.
 */
export const coveredCalls: Readonly<Record<string, readonly CoveredArgument[]>> = {
  open: [{ ...opened(0, 'open'), flags: 'argument' }],
  openAsBlob: [opened(0, 'open')],
  readFile: [{ ...opened(0, 'open'), flags: 'option' }],
  writeFile: [opened(0, 'overwrite')],
  appendFile: [opened(0, 'overwrite')],
  truncate: [opened(0, 'overwrite')],
  copyFile: [opened(0, 'copy'), opened(1, 'overwrite')],
  cp: [{ ...opened(0, 'copy'), linksStay: true }, opened(1, 'overwrite')],
  rename: [named(1, 'overwrite')],
};

/** Calls that run, and are remembered: a database that this process has deleted itself is no loss to rescue. */
export const deletingCalls: readonly string[] = ['unlink', 'rm', 'rmdir'];
