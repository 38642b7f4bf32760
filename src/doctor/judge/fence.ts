/** Judges the fence: its time, its cause, and what to do now. Pure. */
import { shellWord } from '../../base/terminal-text';
import { formatAge } from '../../base/figures';
import { adviceOnMarker, describeMarker } from '../../filesystem/fence-marker';
import type { Finding } from '../diagnosis';
import type { CheckInput } from './subject';
import { finding } from './finding';
import { restoreCommand } from './salvage';

export function* judgeFence({ facts, file, now }: CheckInput): Generator<Finding> {
  const { fence } = facts;
  if (fence === undefined || fence === null) return;
  const { marker, sameBoot } = fence;
  const age = now - Date.parse(marker.time);
  const since = Number.isNaN(age) ? marker.time : `${marker.time}, ${formatAge(age)} ago`;
  const planted = marker.problem !== null;
  yield finding(
    'problem',
    'fenced',
    planted
      ? `The database is fenced by a marker that may not come from this library: ${marker.problem}.`
      : `The database has been fenced since ${since}: ${describeMarker(marker)} (${marker.message}).`,
    {
      why: 'The storage did not accept a write, and its next answer cannot be trusted. No process that uses this library writes or checkpoints the database until the fence is cleared; nothing in the -wal is lost by waiting.',
      action: [
        planted ? `${adviceOnMarker({ file, problem: marker.problem })} Otherwise:` : '',
        'Do not restart in a loop. Check the storage (below), stop every process that has the database open, and copy the database with its -wal to other storage.',
        sameBoot === true
          ? 'The machine was not rebooted since: remount the filesystem or reboot, or the check may read data from memory that is not on the disk.'
          : '',
        'Then check and clear the fence; if the check fails, restore the newest verified backup (`npx safe-sqlite explain fenced`).',
      ]
        .filter(text => text !== '')
        .join(' '),
      commands: [`npx safe-sqlite doctor ${shellWord(file)} --clear-fence`, restoreCommand({ file, facts })],
    },
  );
}
