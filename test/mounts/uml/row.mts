/** Declares the observations on one mount: a line that the guest writes, an entry of the record. */
import type { Alone } from '../processes/raw-alone.mts';
import type { TwoWriters } from '../processes/raw-two-writers.mts';
import type { Elsewhere } from '../processes/safe-elsewhere.mts';
import type { Ours } from '../processes/safe-questions.mts';
import type { Mode } from '../processes/steps.mts';

/** Mounts that one service makes in one guest, in the order of the record; NFS is split in two to run side by side. */
export const familyNames = ['nfs', 'nfs 3', 'cifs', '9p', 'hostfs', 'local'] as const;

export type Family = (typeof familyNames)[number];

export interface Row {
  readonly family: Family;
  readonly name: string;
  /** Major and minor version of the guest's kernel. */
  readonly kernel: string;
  /** `f_type` of statfs(2), in hexadecimal. */
  readonly statfs: string;
  /** What follows the ` - ` in mountinfo: type, source, options of the superblock. */
  readonly mountinfo: string;
  readonly raw: Readonly<Record<Mode, RawResult>>;
  readonly ours: Ours;
  readonly elsewhere: Elsewhere;
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
