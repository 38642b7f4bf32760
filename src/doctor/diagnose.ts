/** `diagnose`: everything that can be seen of a database from outside, without opening it. */
import { verifyDatabase } from '../backup/verify';
import { errorMessage } from '../base/foreign-error';
import { sqliteVersion } from '../native/sqlite-version';
import { booleanOption, millisecondsOption, pathOption, refuseOption } from '../options/checks';
import { refuseUnknownNames } from '../options/known-names';
import { decide } from '../policy/decide';
import type { Diagnosis, Finding, NotLookedAt } from './diagnosis';
import type { DoctorFacts } from './facts';
import { gather } from './gather/ask';
import type { Patient } from './judge/context';
import { judgeIntegrity, whyNotChecked } from './judge/integrity';
import { gravestFirst, judge, statusOf } from './judge/judge';
import { judgeMissed, notLookedAt } from './judge/missed';
import { storageCommands } from './judge/storage-commands';

export interface DiagnoseOptions {
  /**
   * Also check every page (`integrity_check`). Default `false`. SQLite opens the database for that, through a read-only
   * connection where it is in use or has sidecars; it is left out, and the report says so, where that could change anything.
   */
  full?: boolean | undefined;
  /** A folder with backups of the database, beside those that are looked for anyway: its folder, `backup` and `backups` in it. */
  backups?: string | undefined;
  /** How long one step may take before it is given up, in milliseconds. Default 10 000. */
  stepTimeoutMs?: number | undefined;
  signal?: AbortSignal | undefined;
}

const defaultStepTimeoutMs = 10_000;

/**
 * Looks at a database from outside and says what is wrong with it, why that matters, and what to do.
 *
 * SQLite does not open it (but see `full`). A process of its own looks at the files: it reads some of their bytes, takes no
 * lock, creates and deletes nothing, and is ended when a mount or a disk does not answer.
 *
 * Resolves also for a database that is missing or damaged: those are findings. Rejects with `InvalidOptionError`,
 * `MaintenanceError` when that process cannot be started, and the signal's reason.
 */
export async function diagnose(path: string, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  if (typeof path !== 'string' || path.trim() === '') refuseOption('path', 'the path of a database', path);
  refuseUnknownNames(options, ['full', 'backups', 'stepTimeoutMs', 'signal'], 'diagnose');
  const full = booleanOption('full', options.full, false);
  const backups = pathOption('backups', options.backups);
  const stepTimeoutMs = millisecondsOption('stepTimeoutMs', options.stepTimeoutMs, defaultStepTimeoutMs, 1);
  const { signal } = options;
  const { facts, missed } = await gather({ path, backups }, { stepTimeoutMs, signal });
  const patient = patientOf(path, facts, backups !== null);
  const findings = [...judgeMissed(missed, facts.ground?.mountPoint ?? null), ...judge(patient)];
  const unseen = [...notLookedAt(missed, facts, full)];
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

function patientOf(path: string, facts: Partial<DoctorFacts>, backupsGiven: boolean): Patient {
  const file = facts.ground?.target ?? path;
  const version = sqliteVersion(null);
  const decision =
    facts.ground === undefined
      ? null
      : decide({
          filesystem: facts.ground,
          ground: 'file',
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
    now: Date.now(),
    uid: process.getuid?.() ?? null,
    platform: process.platform,
    sqliteVersion: version,
    decision,
    backupsGiven,
  };
}

interface Report {
  readonly findings: Finding[];
  readonly unseen: NotLookedAt[];
  readonly signal: AbortSignal | undefined;
}

/** What SQLite finds in every page; a check that cannot be run is no finding but something that was not looked at. */
async function check({ file, facts }: Patient, { findings, unseen, signal }: Report): Promise<void> {
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
