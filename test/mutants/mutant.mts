/** One change that takes a safety measure away, and where tests must notice it. */
export interface Mutant {
  /** Unique; begins with its room. */
  readonly id: string;
  /** What holds no more with the change. */
  readonly promise: string;
  /** Path below `src/`. */
  readonly file: string;
  /** Text that occurs exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Test files or folders that must notice it, tried in this order. */
  readonly tests: readonly string[];
  /** Names of the tests that must notice it, as a pattern. Default: all of `tests`. */
  readonly only?: string;
  /** Why nothing can notice it, where the change means the same. */
  readonly equivalent?: string;
}

/** Name, promise, text that occurs once, what replaces it; why nothing can notice it, where the change means the same. */
type Row = readonly [name: string, promise: string, find: string, replace: string, equivalent?: string];

/** Mutants of one file that the same tests must notice. The room is the first part of the path. */
export function inFile(file: string, tests: readonly string[], rows: readonly Row[]): readonly Mutant[] {
  const room = file.split('/')[0];
  return rows.map(([name, promise, find, replace, equivalent]) => ({
    id: `${room}/${name}`,
    promise,
    file,
    find,
    replace,
    tests,
    ...(equivalent === undefined ? {} : { equivalent }),
  }));
}
