/** Declares what the checks of the contents remember from one look to the next. */
import type { FileState } from './descriptor-state';
import type { IndexHeader } from './wal-index';

/** State of the database at the last check that found it intact. */
export interface Trusted extends FileState {
  readonly index: IndexHeader;
  /** True if a later change certainly leaves another timestamp. */
  readonly settled: boolean;
  readonly header: Buffer;
  readonly samples: Buffer;
}

export interface Doubt {
  readonly header: string;
  readonly since: number;
}
