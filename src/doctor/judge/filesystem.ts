/** The filesystem below the database, and how the library would open it there. Pure. */
import type { FilesystemReport } from '../../filesystem/report';
import type { Plan } from '../../policy/plan';
import { place } from '../../policy/unsafe-filesystem';
import type { Finding } from '../diagnosis';
import type { CheckInput } from './subject';
import { finding } from './finding';

export function* judgeGround({ facts, decision }: CheckInput): Generator<Finding> {
  const { ground } = facts;
  if (ground === undefined || decision === null) return;
  if (decision.verdict === 'refuse') yield refusal(decision.error());
  else yield* judgePlan(decision.plan, ground, facts.header?.journalMode ?? null);
  yield* judgeState(ground);
  if (decision.verdict === 'refuse') return;
  for (const { code, message } of ground.warnings) {
    yield finding('warning', 'ground', code, message, {
      why: 'A commit that was acknowledged can be lost there.',
      action: 'Move the database to a filesystem without this, or mount it without it (docs/filesystems.md).',
    });
  }
}

/** Also an SQLite version that corrupts: `decide` refuses that too. */
function refusal(error: Error): Finding {
  const hint: unknown = Reflect.get(error, 'hint');
  const code: unknown = Reflect.get(error, 'code');
  const isVersion = code === 'SAFE_SQLITE_UNSAFE_SQLITE_VERSION';
  return finding(
    'problem',
    isVersion ? 'software' : 'ground',
    isVersion ? 'sqlite-version' : 'unsafe-filesystem',
    error.message,
    {
      why: 'This library does not open it as it is.',
      ...(typeof hint === 'string' ? { action: hint } : {}),
    },
  );
}

function* judgePlan(plan: Plan, ground: FilesystemReport, mode: 'wal' | 'rollback' | null): Generator<Finding> {
  const journal = plan.journalMode === 'wal' ? 'WAL' : 'a rollback journal';
  yield finding('ok', 'ground', 'ground', `${place(ground)}: ${ground.reason}`, {
    why: `openDatabase() takes ${journal} and synchronous=${plan.synchronous.toUpperCase()} there.`,
  });
  if (!ground.durable && ground.warnings.length === 0) {
    yield finding(
      'warning',
      'ground',
      'not-durable',
      'A power cut, or the end of the container or mount, can take acknowledged commits away there.',
      {
        action: 'Put the database on a disk or a volume.',
      },
    );
  }
  const planned = plan.journalMode === 'delete' ? 'rollback' : plan.journalMode;
  if (mode !== null && planned !== null && mode !== planned) {
    const now = mode === 'wal' ? 'WAL' : 'a rollback journal';
    yield finding(
      'note',
      'ground',
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
      'ground',
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
      'ground',
      'filesystem-read-only',
      `The ${type} filesystem at ${mountPoint} is read-only, though it was mounted for writing.`,
      {
        why: 'That is what the kernel does after an error.',
        action: 'Read the kernel log, and check the filesystem with the commands below.',
      },
    );
  }
}
