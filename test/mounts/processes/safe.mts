/** A process of its own with this library: takes one step after the other from its parent, answers each. */
import { inspectFilesystem } from '../../../dist/filesystem/inspect.js';

export interface SafeStep {
  readonly do: 'inspect';
  readonly file: string;
}

export interface Inspected {
  readonly type: string;
  readonly class: string;
  readonly verdict: string;
  readonly foundBy: string;
}

process.on('message', ({ file }: SafeStep) => {
  const report = inspectFilesystem(file);
  const answer: Inspected = {
    type: report.type,
    class: report.class,
    verdict: report.verdict,
    foundBy: report.evidence.foundBy,
  };
  process.send!(answer);
});
