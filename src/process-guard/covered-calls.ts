/** Which calls of `fs` could harm a live database, and what each would do to it. */

/**
 * `'open'`: opens the file that the path leads to; its close cancels the locks. `'copy'`: the same, and the copy is torn.
 * `'overwrite'`: opens for writing, or puts another file there. `'move'`: renames it. `'delete'`: removes it.
 * `'link'`: gives it a second name.
 */
export type Effect = 'open' | 'copy' | 'overwrite' | 'move' | 'delete' | 'link';

export interface CoveredArgument {
  readonly index: number;
  readonly effect: Effect;
  /** The name itself is meant, not what a symbolic link there leads to. */
  readonly nameOnly: boolean;
  /** A folder with everything in it is meant: `'always'`, or when the options say `recursive`. */
  readonly tree: 'never' | 'always' | 'recursive';
  /** The argument after it has the flags of open(2), which may ask for the name alone (O_PATH). */
  readonly flagsFollow: boolean;
  /** A symbolic link is copied as a link, unless the options say `dereference`. */
  readonly linksStay: boolean;
}

function opened(index: number, effect: Effect): CoveredArgument {
  return { index, effect, nameOnly: false, tree: 'never', flagsFollow: false, linksStay: false };
}

function named(index: number, effect: Effect, tree: CoveredArgument['tree'] = 'never'): CoveredArgument {
  return { index, effect, nameOnly: true, tree, flagsFollow: false, linksStay: false };
}

/**
 * By the name of the call without `Sync`. Streams and `Utf8Stream` are covered by `open`, which they call on the module.
 *
 * Not covered, because they open nothing: `stat` and its family, `access`, `realpath`, `readdir`, `watch`, `utimes`,
 * `chmod`; and calls with a descriptor, whose opening was the moment to refuse.
 */
export const coveredCalls: Readonly<Record<string, readonly CoveredArgument[]>> = {
  open: [{ ...opened(0, 'open'), flagsFollow: true }],
  openAsBlob: [opened(0, 'open')],
  readFile: [opened(0, 'open')],
  writeFile: [opened(0, 'overwrite')],
  appendFile: [opened(0, 'overwrite')],
  truncate: [opened(0, 'overwrite')],
  copyFile: [opened(0, 'copy'), opened(1, 'overwrite')],
  cp: [{ ...opened(0, 'copy'), linksStay: true }, opened(1, 'overwrite')],
  rename: [named(0, 'move', 'always'), named(1, 'overwrite')],
  rm: [named(0, 'delete', 'recursive')],
  rmdir: [named(0, 'delete', 'recursive')],
  unlink: [named(0, 'delete')],
  link: [named(0, 'link'), named(1, 'overwrite')],
};
