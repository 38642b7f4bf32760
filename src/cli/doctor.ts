/** Implements `safe-sqlite doctor`: reports what is wrong with a database, why it matters, and what to do. */
import { visible } from '../base/terminal-text';
import { clearFence, type ClearedFence } from '../fence/clear-fence';
import { diagnose } from '../doctor/diagnose';
import { describeMarker } from '../filesystem/fence-marker';
import type { Level } from '../doctor/diagnosis';
import { UsageError, type Answer, type Command } from './command';
import { describeDiagnosis } from './doctor-report';
import { withClock } from './progress-bar';
import { wrap } from './text';

const exitOf: Readonly<Record<Level, Answer['exit']>> = { ok: 0, note: 0, warning: 3, problem: 1 };

export const doctorCommand: Command = {
  name: 'doctor',
  summary: 'Say what is wrong with a database, why it matters, and what to do.',
  operands: ['<database>'],
  options: {
    full: { type: 'boolean' },
    'no-check': { type: 'boolean' },
    backups: { type: 'string' },
    'clear-fence': { type: 'boolean' },
  },
  about: [
    'Examines the database from outside: filesystem and device, -wal and -journal, the processes that have it open and their locks, permissions, room, backups, the fence. It takes no lock there, creates and deletes nothing, and gives up on a mount that does not answer; so it may be run at any time, even beside a service in trouble.',
    'Then SQLite reads every page of a database below 256 MB, as `verify` does, where that changes nothing.',
    'Run it as the user of the service, or as root: other users see less, and the report lists what was not seen.',
  ],
  help: [
    ['--full', 'check every page of a large database too, and each index with its table'],
    ['--no-check', 'check no page: SQLite does not open the database'],
    ['--backups <folder>', 'where its backups are, if not beside it'],
    [
      '--clear-fence',
      'check a fenced database in full and, if it is sound, clear the fence; refused while a process has it open',
    ],
  ],
  examples: [
    'doctor app.db',
    'doctor app.db --full --backups /backups',
    'doctor app.db --json',
    'doctor app.db --clear-fence',
  ],
  exits: [
    [0, 'nothing is wrong'],
    [1, 'a problem: data is or can be lost, or the database cannot be used; also if the fence stays'],
    [3, 'warnings only: it works, but needs attention'],
  ],
  subject: ([file]) => file,
  async run([file = ''], options, terminal) {
    const { signal, hasColours } = terminal;
    const full = options['full'] === true;
    const quick = options['no-check'] !== true;
    if (full && !quick) throw new UsageError('--full and --no-check contradict each other.');
    const backups = options['backups'];
    const cleared =
      options['clear-fence'] === true
        ? await withClock(terminal, 'Checking', () => clearFence(file, { signal }))
        : null;
    const diagnosis = await withClock(terminal, 'Looking', () =>
      diagnose(file, { full, quick, backups: typeof backups === 'string' ? backups : undefined, signal }),
    );
    const report = describeDiagnosis(diagnosis, hasColours);
    return {
      exit: exitOf[diagnosis.status],
      json: cleared === null ? diagnosis : { ...diagnosis, cleared },
      text: cleared === null ? report : `${describeCleared(cleared)}\n\n${report}`,
    };
  },
};

function describeCleared({ path: given, fence, verified, sameBoot }: ClearedFence): string {
  const path = visible(given);
  if (fence === null) return `${path} has no fence: nothing was checked or changed.`;
  const lines = [
    `The fence of ${path} is cleared.`,
    wrap(`It existed since ${fence.time}: ${describeMarker(fence)}.`, '  '),
    wrap(
      `No process had the database open, and a ${verified} check found nothing wrong. The marker ${path}-fenced was removed.`,
      '  ',
    ),
  ];
  if (sameBoot === true) {
    lines.push(
      wrap(
        'The machine was not rebooted since the fault: the check may have read data from memory that is not on the disk. Keep the copy that you made, and check again after the next boot or mount.',
        '  ',
      ),
    );
  }
  return lines.join('\n');
}
