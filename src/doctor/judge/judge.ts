/** Runs every verdict on the facts, and sorts the findings by gravity. Pure. */
import type { Finding, Level } from '../diagnosis';
import { judgeBackups } from './backups';
import type { CheckInput } from './subject';
import { judgeDevice } from './device';
import { judgeFence } from './fence';
import { judgeFile } from './file';
import { judgeGround } from './filesystem';
import { judgePermissions } from './permissions';
import { judgeProcesses } from './processes';
import { judgeRollback } from './rollback';
import { judgeSoftware } from './software';
import { judgeSpace } from './space';
import { judgeWal } from './wal';

const gravity: readonly Level[] = ['problem', 'warning', 'note', 'ok'];

/** In the order of the report within one level. */
const verdicts: readonly ((input: CheckInput) => Iterable<Finding>)[] = [
  judgeFence,
  judgeFile,
  judgeWal,
  judgeRollback,
  judgeProcesses,
  judgeGround,
  judgeDevice,
  judgeSpace,
  judgePermissions,
  judgeSoftware,
  judgeBackups,
];

export function judge(input: CheckInput): readonly Finding[] {
  return verdicts.flatMap(verdict => [...verdict(input)]);
}

/** The data exists only in a process that still runs: every other advice waits until it is saved. */
const beforeAll: ReadonlySet<string> = new Set(['deleted-file-in-use']);

export function gravestFirst(findings: readonly Finding[]): readonly Finding[] {
  const rank = ({ level, code }: Finding): number => (beforeAll.has(code) ? -1 : gravity.indexOf(level));
  return findings.toSorted((left, right) => rank(left) - rank(right));
}

export function statusOf(findings: readonly Finding[]): Level {
  return gravity.find(level => findings.some(finding => finding.level === level)) ?? 'ok';
}
