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
  /** Why nothing can notice it, where the change means the same. */
  readonly equivalent?: string;
}
