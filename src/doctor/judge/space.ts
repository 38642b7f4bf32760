/** Judges the free space on the disk. Pure. */
import { shellWord } from '../../base/terminal-text';
import { formatBytes } from '../../base/figures';
import { roomForBytes, roomForFiles } from '../../policy/free-space';
import type { Finding } from '../diagnosis';
import type { CheckInput } from './subject';
import { finding } from './finding';

export function* judgeSpace({ facts }: CheckInput): Generator<Finding> {
  const { space, header, journals, ground } = facts;
  if (space === undefined || space.totalBytes === 0) return;
  // A filesystem that is only read, such as squashfs, always reports that nothing is free.
  if (ground?.verdict === 'read-only') return;
  const { freeBytes, totalBytes, reservedBytes } = space;
  const free = `${formatBytes(freeBytes)} of ${formatBytes(totalBytes)} are free`;
  const needed = (header?.fileBytes ?? 0) + (journals?.wal?.fileBytes ?? 0);
  const mount = shellWord(ground?.mountPoint ?? '/');
  const room = {
    action: 'Free space: old logs and backups. Never delete the -wal or -journal of a database.',
    commands: [`du -xh -d 2 ${mount} | sort -h | tail`],
  };
  const answer = roomForBytes(space);
  if (answer === 'full') {
    const reserved = reservedBytes > 0 ? ` (${formatBytes(reservedBytes)} more are kept back for root)` : '';
    yield finding('problem', 'disk-full', `The disk is full: ${free}${reserved}.`, {
      why: 'Commits fail with SQLITE_FULL and are rolled back; nothing that was acknowledged is lost.',
      ...room,
    });
  } else if (answer === 'nearly-full') {
    yield finding('warning', 'disk-nearly-full', `The disk is nearly full: ${free}.`, {
      why: 'The -wal grows before it is checkpointed.',
      ...room,
    });
  } else if (freeBytes < needed) {
    yield finding(
      'note',
      'no-room-for-a-copy',
      `${free}: less than the database and its -wal have (${formatBytes(needed)}).`,
      {
        why: 'A VACUUM, a snapshot before a change, or a restore needs that much beside it.',
      },
    );
  } else yield finding('ok', 'space', `${free}.`);
  yield* judgeInodes(facts.space, mount);
  const quota = ground?.superOptions.find(each => /^(?:usr|grp|prj|u|g|p)?quota$/.test(each));
  if (quota !== undefined) {
    yield finding(
      'note',
      'quota',
      `The filesystem counts quotas (${quota}): a user may have less space than the disk.`,
      {
        action: 'As the user that the program runs as: `quota -s`.',
      },
    );
  }
}

function* judgeInodes(space: CheckInput['facts']['space'], mount: string): Generator<Finding> {
  if (space === undefined) return;
  const { freeInodes, totalInodes } = space;
  const answer = roomForFiles(space);
  if (answer === 'enough') return;
  yield finding(
    answer === 'full' ? 'problem' : 'warning',
    'few-inodes',
    `${freeInodes} of ${totalInodes} inodes are free.`,
    {
      why: 'SQLite must create a -wal or -journal: without an inode every write fails, even with free space.',
      action: 'Find the folder with the many small files, and delete what is not needed.',
      commands: [`du --inodes -x -d 2 ${mount} | sort -n | tail`],
    },
  );
}
