/** The examination of `diagnose`: the facts that another process gathered, judged. */
import { wallClockNow } from '../base/clock';
import { verifyDatabase } from '../backup/verify';
import { errorMessage } from '../base/foreign-error';
import { sqliteVersion } from '../native/sqlite-version';
import { decide } from '../policy/decide';
import type { Diagnosis, Finding, NotLookedAt } from './diagnosis';
import type { DoctorFacts } from './facts';
import { gather } from './gather/child-process';
import type { CheckInput } from './judge/subject';
import { judgeIntegrity, whyNotChecked } from './judge/integrity';
import { gravestFirst, judge, statusOf } from './judge/judge';
import { judgeMissed, unread } from './judge/unread';
import { storageCommands } from './judge/storage-commands';

export interface Examination {
  readonly full: boolean;
  readonly backups: string | null;
  readonly stepTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export async function examine(path: string, { full, backups, stepTimeoutMs, signal }: Examination): Promise<Diagnosis> {
  const { facts, missed } = await gather({ path, backups }, { stepTimeoutMs, signal });
  const patient = patientOf(path, facts, backups !== null);
  const findings = [...judgeMissed(missed, facts.ground?.mountPoint ?? null), ...judge(patient)];
  const unseen = [...unread(missed, facts, full)];
  if (full) await check(patient, { findings, unseen, signal });
  const { decision } = patient;
  return Object.freeze({
    path,
    file: patient.file,
    time: new Date(patient.now).toISOString(),
    status: statusOf(findings),
    findings: gravestFirst(findings),
    notLookedAt: unseen,
    storageCommands: storageCommands(facts.ground, facts.device ?? null),
    plan: decision?.verdict === 'open' ? decision.plan : null,
    facts,
  });
}

function patientOf(path: string, facts: Partial<DoctorFacts>, backupsGiven: boolean): CheckInput {
  const file = facts.ground?.target ?? path;
  const version = sqliteVersion(null);
  const decision =
    facts.ground === undefined
      ? null
      : decide({
          filesystem: facts.ground,
          storage: 'file',
          file,
          readonly: false,
          journalMode: 'auto',
          durability: 'full',
          dangerously: {},
          platform: process.platform,
          sqliteVersion: version,
        });
  return {
    file,
    facts,
    now: wallClockNow(),
    uid: process.getuid?.() ?? null,
    platform: process.platform,
    sqliteVersion: version,
    decision,
    backupsGiven,
  };
}

interface StepReport {
  readonly findings: Finding[];
  readonly unseen: NotLookedAt[];
  readonly signal: AbortSignal | undefined;
}

/** What SQLite finds in every page; a check that cannot be run is no finding but something that was not looked at. */
async function check({ file, facts }: CheckInput, { findings, unseen, signal }: StepReport): Promise<void> {
  const what = 'every page (integrity)';
  const why = whyNotChecked(facts);
  if (why !== null) return void unseen.push({ what, why });
  try {
    findings.push(judgeIntegrity(await verifyDatabase(file, { level: 'full', signal })));
  } catch (error) {
    if (signal?.aborted === true) throw error;
    unseen.push({ what, why: errorMessage(error) });
  }
}
