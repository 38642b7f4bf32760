/** Judges the filesystem of the database, and how the library opens the database there. Pure. */
import { shellWord } from '../../base/terminal-text';
import type { FilesystemReport } from '../../filesystem/report';
import type { Plan } from '../../policy/plan';
import { place } from '../../policy/unsafe-filesystem';
import { readonlyWalAdvice } from '../../policy/wal-format';
import type { Finding } from '../diagnosis';
import { isFindingCode } from '../finding-codes';
import { finding } from './finding';
import { groundAdvice } from './ground-advice';
import type { CheckInput } from './subject';

export function* judgeGround(input: CheckInput): Generator<Finding> {
  const { facts, decision } = input;
  const { ground } = facts;
  if (ground === undefined || decision === null) return;
  if (decision.verdict === 'refuse') yield refusal(decision.error(), input);
  else yield* judgePlan(input, decision.plan, ground);
  yield* judgeState(ground);
  if (decision.verdict === 'refuse') return;
  for (const { code, message } of ground.warnings) {
    const advice = groundAdvice(code, ground, facts.device ?? null);
    // A warning that is newer than the catalogue of findings keeps its message.
    yield isFindingCode(code)
      ? finding('warning', code, message, advice)
      : { ...finding('warning', 'not-durable', message, advice), code };
  }
}

/** Also an SQLite version that corrupts: `decide` refuses that too. */
function refusal(error: Error, { file, facts }: CheckInput): Finding {
  const hint: unknown = isWalOnReadonlyGround(facts) ? readonlyWalAdvice(file) : Reflect.get(error, 'hint');
  const code: unknown = Reflect.get(error, 'code');
  const isVersion = code === 'SAFE_SQLITE_UNSAFE_SQLITE_VERSION';
  return finding('problem', isVersion ? 'sqlite-version' : 'unsafe-filesystem', error.message, {
    why: 'This library does not open it there.',
    ...(typeof hint === 'string' ? { action: hint } : {}),
    commands: isVersion ? ['npm install better-sqlite3@latest'] : [`findmnt -T ${shellWord(file)}`],
  });
}

/** SQLite reads such a file only with a -shm, which it cannot make there. */
function isWalOnReadonlyGround({ ground, header, files }: CheckInput['facts']): boolean {
  const hasSidecars = files?.sidecars.some(({ path }) => path.endsWith('-shm')) === true;
  return ground?.verdict === 'read-only' && header?.kind === 'database' && header.journalMode === 'wal' && !hasSidecars;
}

function* judgePlan({ facts }: CheckInput, plan: Plan, ground: FilesystemReport): Generator<Finding> {
  const journal = plan.journalMode === 'wal' ? 'WAL' : 'a rollback journal';
  const kind = facts.files?.preflight.kind ?? null;
  // Nothing is proposed for a folder or a device, which is not a database and cannot become one.
  const proposal =
    kind === null || kind === 'file'
      ? { why: `openDatabase() takes ${journal} and synchronous=${plan.synchronous.toUpperCase()} there.` }
      : {};
  yield finding('ok', 'ground', `${place(ground)}: ${ground.reason}`, proposal);
  if (!ground.durable && ground.warnings.length === 0) {
    yield finding(
      'warning',
      'not-durable',
      'A power cut, or the end of the container or mount, can take acknowledged commits away there.',
      { action: 'Put the database on a disk or a volume.' },
    );
  }
  const { header } = facts;
  if (header === undefined || header === null || header.damage !== null) return;
  const planned = plan.journalMode === null || plan.journalMode === 'wal' ? plan.journalMode : 'rollback';
  if (header.journalMode !== null && planned !== null && header.journalMode !== planned) {
    const now = header.journalMode === 'wal' ? 'WAL' : 'a rollback journal';
    yield finding(
      'note',
      'journal-mode-changes',
      `The header says ${now}; openDatabase() would change that to ${journal}.`,
    );
  }
}

/** The kernel stopped writing after an error, though the mount still says `rw`. Documentation/admin-guide/ext4.rst */
function* judgeState({ superOptions, options, mountPoint, type }: FilesystemReport): Generator<Finding> {
  const stopped = superOptions.find(each => each === 'emergency_ro' || each === 'shutdown');
  if (stopped !== undefined) {
    yield finding(
      'problem',
      'filesystem-stopped',
      `The ${type} filesystem at ${mountPoint} has stopped after an error (${stopped}): nothing can be written.`,
      {
        why: 'The kernel met damage of the filesystem or of the disk. Everything that is not on the disk yet is lost with the mount.',
        action:
          'Read the kernel log, stop the programs, unmount it, check it with the commands below, and mount it again.',
      },
    );
  } else if (superOptions.includes('ro') && options.includes('rw')) {
    yield finding(
      'problem',
      'filesystem-read-only',
      `The ${type} filesystem at ${mountPoint} is read-only, though it was mounted for writing.`,
      {
        why: 'The kernel makes a filesystem read-only after an error.',
        action: 'Read the kernel log, and check the filesystem with the commands below.',
      },
    );
  }
}
