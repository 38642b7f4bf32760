/** Judges the errors that the kernel counted for the disk and the filesystem on it. Pure. */
import { count } from '../../base/figures';
import type { Device } from '../../filesystem/linux/device';
import type { Finding } from '../diagnosis';
import type { CheckInput } from './subject';
import { finding } from './finding';

export function* judgeDevice({ facts }: CheckInput): Generator<Finding> {
  const { device } = facts;
  if (device === undefined || device === null) return;
  yield* judgeErrors(device);
  yield* judgeRaid(device);
  for (const { name, ioErrors, readOnly } of device.disks) {
    if (ioErrors !== null && ioErrors > 0) {
      yield finding(
        'note',
        'disk-errors',
        `The disk ${name} could not do ${count(ioErrors, 'request')} since the machine started.`,
        {
          why: 'A few are ordinary (questions that a disk does not know); a number that grows is not.',
          action: 'Check again in some minutes, and check the SMART values.',
        },
      );
    }
    if (readOnly) {
      yield finding('problem', 'disk-read-only', `The disk ${name} is read-only.`, {
        why: 'A worn-out SSD and a disk that the provider detached look like this.',
        action: 'Read the kernel log, and the SMART values.',
      });
    }
  }
  if (device.mapped?.suspended === true) {
    yield finding('problem', 'device-suspended', `The volume ${device.mapped.name} is suspended: every write waits.`, {
      action: `A snapshot or a resize may have stopped half-way: \`dmsetup info ${device.mapped.name}\`, then \`dmsetup resume ${device.mapped.name}\`.`,
    });
  }
}

function* judgeErrors({ name, errors }: Device): Generator<Finding> {
  if (errors === null) return;
  const { count: number, counters, first, last, source } = errors;
  if (number === 0) {
    yield finding('ok', 'no-filesystem-errors', `The filesystem on ${name} has counted no errors.`);
    return;
  }
  const moments = first === null ? '' : ` The first: ${first}. The last: ${last ?? first}.`;
  const list = Object.entries(counters).map(([counter, value]) => `${counter} ${value}`);
  yield finding(
    'problem',
    'filesystem-errors',
    `The filesystem on ${name} has counted errors: ${list.join(', ')}.${moments}`,
    {
      why: `It found damage in its own tables, or the disk failed (${source}). The numbers stay until the filesystem is repaired.`,
      action:
        'Copy the database and its newest backup to other storage first. Then check disk and filesystem with the commands below, and the database with `verify --full`.',
    },
  );
}

function* judgeRaid({ name, raid }: Device): Generator<Finding> {
  if (raid === null) return;
  if (raid.missingDisks > 0) {
    yield finding(
      'warning',
      'raid-degraded',
      `The RAID ${name} lacks ${count(raid.missingDisks, 'disk')} (${raid.state}).`,
      {
        why: 'The next disk that fails takes the data with it.',
        action: 'Replace the disk that failed.',
      },
    );
  }
  if (raid.mismatches > 0) {
    yield finding(
      'note',
      'raid-mismatches',
      `The last check of the RAID ${name} found ${raid.mismatches} sectors that differ between its disks.`,
      {
        why: 'On RAID 1 and 10 that can be ordinary (a page that changed while it was written); on RAID 5 and 6 it is not.',
      },
    );
  }
}
