/** Lists what was not examined, and judges why. Pure. */
import { fileCommands } from '../../base/file-commands';
import { shellWord } from '../../base/terminal-text';
import { dirname } from 'node:path';
import { count } from '../../base/figures';
import type { Finding, NotLookedAt } from '../diagnosis';
import type { MissedStep } from '../gather/child-process';
import type { DoctorFacts, StepName } from '../facts';
import { finding } from './finding';

const subjects: Readonly<Record<StepName, string>> = {
  ground: 'the filesystem',
  device: 'the device below it',
  files: 'the files, their sidecars and their permissions',
  fence: 'the fence marker',
  space: 'the free space',
  processes: 'the processes that have it open',
  header: 'the header of the database',
  journals: 'the -wal, the -shm and the -journal',
  neighbours: 'the other files in its folder',
  backups: 'its backups',
};

/** Errors by which the kernel blames the disk, the server or the daemon, not the caller. */
const storageCodes: ReadonlySet<string> = new Set(['EIO', 'ESTALE', 'ENOTCONN']);
/** Errors of the path itself, the same for every user and every step. */
const pathCodes: ReadonlyMap<string, string> = new Map([
  ['ELOOP', 'its symbolic links lead in a circle'],
  ['ENOTDIR', 'a part of the path is a file, not a folder'],
  ['ENAMETOOLONG', 'the path is too long'],
]);

/** Without the facts of these, the absence of findings proves nothing. */
const needed: ReadonlySet<StepName> = new Set<StepName>(['ground', 'files', 'header', 'journals']);

/** A step that hangs is a finding of its own: the mount or the disk does not answer. */
export function* judgeMissed(
  missed: readonly MissedStep[],
  mountPoint: string | null,
  file: string,
): Generator<Finding> {
  // Where the files were found to be missing (Windows, for a path through a file), `judgeFile` says it.
  const blocked = missed.find(({ step, code }) => step === 'files' && code !== null && pathCodes.has(code));
  if (blocked !== undefined) {
    const { code } = blocked;
    yield finding('problem', 'cannot-open', `Cannot open ${file}: ${pathCodes.get(code ?? '')} (${code}).`, {
      action: 'Correct the path, or the symbolic links on it.',
      commands: [fileCommands.list(dirname(file))],
    });
  }
  for (const { step, why, code, message } of missed) {
    if (code !== null && pathCodes.has(code)) continue;
    if (why === 'hung') {
      yield finding(
        'problem',
        'no-answer',
        `${mountPoint ?? 'The filesystem'} does not answer: reading ${subjects[step]} did not return (${message}).`,
        {
          why: 'The server, the daemon or the disk below it is dead or far too slow; every program that touches the database hangs as well.',
          action:
            'Check the kernel log (`dmesg -T | tail`), the daemon or the network of that mount, and `ps -eo pid,stat,wchan:20,args | grep " D"`.',
        },
      );
    } else if (why === 'failed' && code !== null && storageCodes.has(code)) {
      yield finding('problem', 'storage-error', `Reading ${subjects[step]} failed: ${message}.`, {
        why: 'The storage could not read it, or the mount lost its server.',
        action: 'Copy aside what can still be read, and check the storage with the commands below.',
      });
    } else if (why === 'failed' && needed.has(step)) {
      yield finding(
        step === 'ground' || step === 'files' ? 'problem' : 'warning',
        'cannot-look',
        `Reading ${subjects[step]} failed: ${message}.`,
        {
          why: 'Nothing is known about it: this report does not imply that it is in order.',
          action: 'Run the doctor as the user of the program, or as root.',
          commands: [`${process.platform === 'win32' ? '' : 'sudo '}npx safe-sqlite doctor ${shellWord(file)}`],
        },
      );
    }
  }
}

export function unread(missed: readonly MissedStep[], facts: Partial<DoctorFacts>): readonly NotLookedAt[] {
  const list: NotLookedAt[] = missed
    .filter(({ code }) => code === null || !pathCodes.has(code))
    .map(({ step, why, message }) => ({
      what: subjects[step],
      why: why === 'not-reached' ? 'an earlier step did not return' : message,
    }));
  if (facts.processes === null) list.push({ what: subjects.processes, why: 'this system has no /proc' });
  const unseen = facts.processes?.unseenProcesses ?? 0;
  if (unseen > 0) {
    list.push({ what: `${count(unseen, 'process')} of other users`, why: 'only root sees what they have open' });
  }
  if ((facts.ground?.sandbox.container ?? null) !== null) {
    list.push({ what: 'processes outside this container', why: 'a container sees its own processes only' });
  } else if (facts.processes?.wholeMachine === false) {
    list.push({ what: 'processes outside this pid namespace', why: 'a namespace sees its own processes only' });
  }
  if (facts.journals?.wal?.readInFull === false) {
    list.push({ what: 'the end of the -wal', why: 'it is too large to be read in the time for it' });
  }
  return list;
}
