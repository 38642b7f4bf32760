/** Runs the checks of `diagnose`: lets another process gather the facts, and judges them. */
import { wallClockNow } from '../base/clock';
import { verifyDatabase } from '../backup/verify';
import { errorMessage } from '../base/foreign-error';
import { sqliteVersion } from '../native/sqlite-version';
import { decide } from '../policy/decide';
import type { Diagnosis, Finding, NotLookedAt } from './diagnosis';
import type { DoctorFacts } from './facts';
import { gather } from './gather/child-process';
import type { CheckInput } from './judge/subject';
import { judgeIntegrity, leftOut, whyNotChecked, whyNotUnasked } from './judge/integrity';
import { asRoot, commandsAsRoot } from './judge/as-root';
import { afterDamage } from './judge/after-damage';
import { gravestFirst, judge, statusOf } from './judge/judge';
import { nextCommand } from './judge/next';
import { judgeMissed, unread } from './judge/unread';
import { storageCommands } from './judge/storage-commands';

export interface Examination {
  readonly full: boolean;
  readonly quick: boolean;
  readonly backups: string | null;
  readonly stepTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

export async function examine(path: string, examination: Examination): Promise<Diagnosis> {
  const { backups, stepTimeoutMs, signal } = examination;
  const { facts, missed } = await gather({ path, backups }, { stepTimeoutMs, signal });
  const input = inputOf(path, facts, backups !== null);
  const findings = [...judgeMissed(missed, facts.ground?.mountPoint ?? null, input.file), ...judge(input)];
  const unseen = [...unread(missed, facts)];
  await check(input, { ...examination, findings, unseen });
  const judged = commandsAsRoot(gravestFirst(afterDamage(findings)), input.uid);
  const { decision } = input;
  const commands = storageCommands(facts.ground, facts.device ?? null).map(command => asRoot(command, input.uid));
  return Object.freeze({
    path,
    file: input.file,
    time: new Date(input.now).toISOString(),
    status: statusOf(judged),
    findings: judged,
    notLookedAt: unseen,
    next: nextCommand(judged, commands),
    storageCommands: commands,
    plan: decision?.verdict === 'open' ? decision.plan : null,
    facts,
  });
}

function inputOf(path: string, facts: Partial<DoctorFacts>, backupsGiven: boolean): CheckInput {
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

interface StepReport extends Examination {
  readonly findings: Finding[];
  readonly unseen: NotLookedAt[];
}

/** Runs SQLite's check of the pages. A check that cannot run is no finding, but is listed as not examined. */
async function check(
  input: CheckInput,
  { findings, unseen, full, quick, stepTimeoutMs, signal }: StepReport,
): Promise<void> {
  const what = 'every page (integrity)';
  const why = full ? whyNotChecked(input, findings) : quick ? whyNotUnasked(input, findings) : 'switched off';
  if (why !== null) return void unseen.push({ what, why });
  // Not requested: it has the time limit of every other step.
  const limit = full ? [] : [AbortSignal.timeout(stepTimeoutMs)];
  const ends = AbortSignal.any([...limit, ...(signal === undefined ? [] : [signal])]);
  try {
    const report = await verifyDatabase(input.file, { level: full ? 'full' : 'quick', signal: ends });
    findings.push(judgeIntegrity(input, report));
    if (report.unchecked.length > 0) unseen.push({ what: leftOut, why: report.unchecked.join('; ') });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    unseen.push({ what, why: ends.aborted ? 'it took too long; --full waits for it' : errorMessage(error) });
  }
}
