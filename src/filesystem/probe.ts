/** What each platform's probe hands to `inspectFilesystem`. */
import type { GroundJudgement } from './classify';
import type { FilesystemEvidence } from './report';

export interface ProbeResult {
  readonly target: string;
  readonly mountPoint: string | null;
  readonly type: string;
  readonly source: string | null;
  readonly root: string | null;
  readonly options: readonly string[];
  readonly superOptions: readonly string[];
  readonly judgement: GroundJudgement;
  readonly evidence: Omit<FilesystemEvidence, 'rule'>;
}
