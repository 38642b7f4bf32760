/** What was seen on one mount: a line that the guest writes, an entry of the record. */
import type { Inspected } from '../processes/safe.mts';
import type { Alone } from '../processes/raw-alone.mts';
import type { TwoWriters } from '../processes/raw-two-writers.mts';
import type { Mode } from '../processes/steps.mts';

export type Family = 'local' | 'nfs' | 'cifs' | '9p';

export interface Row {
  readonly name: string;
  /** Major and minor version of the guest's kernel. */
  readonly kernel: string;
  /** `f_type` of statfs(2), in hexadecimal. */
  readonly statfs: string;
  /** What follows the ` - ` in mountinfo: type, source, options of the superblock. */
  readonly mountinfo: string;
  readonly raw: Readonly<Record<Mode, RawResult>>;
  readonly ours: Inspected;
}

export interface RawResult extends Alone {
  /** A second process through a second mount; absent where there is none, or where one alone already fails. */
  readonly secondMount?: TwoWays;
  /** A second process on the server's own filesystem. */
  readonly serverSide?: TwoWays;
}

export interface TwoWays {
  readonly atOnce: TwoWriters;
  readonly inTurns: TwoWriters;
}
