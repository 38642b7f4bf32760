/** Judges the backups of the database, and the files beside it that may be mistaken for one. Pure. */
import { shellWord } from '../../base/terminal-text';
import { basename } from 'node:path';
import { count, formatAge, formatBytes } from '../../base/figures';
import type { Finding } from '../diagnosis';
import type { NeighbourFacts } from '../facts';
import { canBeRead, type CheckInput } from './subject';
import { finding } from './finding';

const weekMs = 7 * 86_400_000;
/** Names that a finding lists. */
const shown = 3;

export function* judgeBackups(input: CheckInput): Generator<Finding> {
  yield* judgeStored(input);
  if (input.facts.neighbours !== undefined) yield* judgeNeighbours(input, input.facts.neighbours);
}

function* judgeStored(input: CheckInput): Generator<Finding> {
  const { facts, file, now, backupsGiven } = input;
  if (facts.backups === undefined) return;
  const { backups, folders } = facts.backups;
  const newest = backups.at(-1);
  if (newest === undefined) {
    // An unreadable database cannot be backed up, and its own finding has the remedy.
    if (!canBeRead(input) && !backupsGiven) return;
    yield finding(
      backupsGiven ? 'warning' : 'note',
      'no-backup',
      `No scheduled backup of it in ${folders.join(', ')}.`,
      {
        why: 'Backups elsewhere are not known here: name their folder with --backups.',
        ...(canBeRead(input)
          ? {
              action: 'Make one now, and schedule them with the option `backup`.',
              commands: [`npx safe-sqlite backup ${shellWord(file)} <destination>`],
            }
          : {}),
      },
    );
    return;
  }
  const age = now - newest.moment;
  const { manifest } = newest;
  const checked = manifest === null ? 'without a manifest' : `checked: ${manifest.verified}`;
  const what = `${count(backups.length, 'backup')}; the newest is ${formatAge(age)} old: ${newest.path} (${formatBytes(newest.bytes)}, ${checked}).`;
  if (manifest !== null && manifest.bytes !== newest.bytes) {
    yield finding(
      'problem',
      'backup-changed',
      `The newest backup has ${newest.bytes} bytes, its manifest says ${manifest.bytes}: ${newest.path}.`,
      {
        why: 'It was opened or changed, or its end is missing.',
        action: 'Check it, and make a new one.',
        commands: [`npx safe-sqlite verify ${shellWord(newest.path)} --full`],
      },
    );
  } else if (age > weekMs) {
    yield finding('warning', 'old-backup', what, {
      action: 'Find out why no newer one was made: the log has `backupFailed`.',
    });
  } else yield finding('ok', 'backup', what);
}

function* judgeNeighbours(
  input: CheckInput,
  { rescues, kept, copies, conflicts, leftovers }: NeighbourFacts,
): Generator<Finding> {
  if (rescues.length > 0) {
    yield finding(
      'warning',
      'rescue',
      `${rescues.length === 1 ? 'A rescued copy' : `${rescues.length} rescued copies`} beside it: ${names(rescues)}.`,
      {
        why: 'Its files were deleted or replaced under an open connection, which saved the data that only it still saw.',
        action: 'Compare it with the database, take over what is missing, then move it away.',
        commands: [`npx safe-sqlite verify ${shellWord(rescues.at(-1) ?? '')} --full`],
      },
    );
  }
  if (conflicts.length > 0) {
    yield finding('problem', 'synchronized', `A program that synchronizes folders made ${names(conflicts)}.`, {
      why: 'It copies and replaces the database while it is in use: commits are lost and pages mixed.',
      action: 'Take the folder out of that program, compare the copies, and synchronize backups instead.',
    });
  }
  if (copies.length > 0) {
    yield finding(
      'note',
      'plain-copies',
      `${names(copies)} ${copies.length === 1 ? 'looks' : 'look'} like a plain copy, without -wal.`,
      {
        why: 'A copy made while the database was in use lacks what was in the -wal, and can mix two moments.',
        action: 'Do not rely on it before it is checked; make backups with the command.',
        commands: [
          `npx safe-sqlite verify ${shellWord(copies.at(-1) ?? '')} --full`,
          ...(canBeRead(input) ? [`npx safe-sqlite backup ${shellWord(input.file)} <destination>`] : []),
        ],
      },
    );
  }
  if (kept.length > 0) {
    yield finding('note', 'kept-by-restore', `A restore kept the old database: ${names(kept)}.`, {
      action: 'Delete it when you do not need it any more.',
    });
  }
  if (leftovers.length > 0) {
    yield finding(
      'note',
      'unfinished-backup',
      `${count(leftovers.length, 'unfinished file')} of a backup: ${names(leftovers)}.`,
      {
        why: 'A backup is running, or was killed; the next one to that folder removes it.',
      },
    );
  }
}

function names(paths: readonly string[]): string {
  const list = paths.slice(-shown).map(path => basename(path));
  return paths.length > shown ? `${list.join(', ')} and ${paths.length - shown} more` : list.join(', ');
}
