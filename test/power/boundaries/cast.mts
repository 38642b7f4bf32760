/** Lists the scripts and their players. */
import type { Journal, OpenSettings, SubjectName } from '../../faults/subject.mts';

export interface Cast {
  readonly script: string;
  readonly subject: SubjectName;
  /** Default: that of the script. */
  readonly journal?: Journal;
  /** For the raw subject alone. */
  readonly synchronous?: NonNullable<OpenSettings['synchronous']>;
}

/** Where a script says what became of its commits, in the folder that is recorded. */
export const marksFile = 'marks.jsonl';
