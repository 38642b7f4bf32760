/** Removes the fence of a file after an operator has checked the storage and the database has been verified. */
import { statSync } from 'node:fs';
import { count } from '../base/figures';
import { identityKey } from '../base/file-identity';
import { forgetToldFault } from './other-threads';
import { FencedDatabaseError, InvalidOptionError } from '../errors/refusals';
import { bootId, readFenceMarker, removeFenceMarker, type FenceMarker } from '../filesystem/fence-marker';
import { locate } from '../filesystem/locate';
import { runJob } from '../maintenance/jobs-client';
import type { ReadAccess } from '../maintenance/messages';
import { choiceOption, pathArgument } from '../options/checks';
import { checkOptionNames } from '../options/option-names';
import { findHolders } from '../proc/holders';

export interface ClearFenceOptions {
  /** `'full'` (default): `integrity_check`, which also compares each index with its table. `'quick'`: `quick_check`. */
  verify?: 'full' | 'quick' | undefined;
  /** Aborts the check; the fence stays. */
  signal?: AbortSignal | undefined;
}

export interface ClearedFence {
  /** Canonical path of the database. */
  readonly path: string;
  /** The content of the fence; `null` if there was none, and nothing was checked. */
  readonly fence: FenceMarker | null;
  readonly verified: 'full' | 'quick' | null;
  /**
   * True if the machine has not been rebooted since the fault: the check may have read pages from memory that are not
   * on the disk. Copy the files, or remount the filesystem, before you rely on it. `null` if the system does not tell.
   */
  readonly sameBoot: boolean | null;
}

/** Milliseconds. No other process has the file open, so there is nothing to wait for. */
const busyTimeoutMs = 1000;
/** Problems shown in a message; `details.problems` has them all. */
const shownProblems = 3;

/** Returns the fence of a database: what failed, when and in which process; `null` if it is not fenced. */
export function readFence(path: string): FenceMarker | null {
  return readFenceMarker(locate(pathArgument(path)).file);
}

/**
 * Checks a fenced database that no process has open, and removes its fence.
 *
 * SQLite recovers only transactions with correct checksums from the `-wal`, but only once every process has closed it;
 * so this refuses while one has not. docs/fencing.md lists what to check before.
 *
 * @throws FencedDatabaseError if a process has the file open, or the check finds anything: the fence stays. Also the
 *   errors of the storage
 */
export async function clearFence(path: string, options: ClearFenceOptions = {}): Promise<ClearedFence> {
  checkOptionNames(options, ['verify', 'signal'], 'clearFence');
  const verify = choiceOption('verify', options.verify, 'full', ['full', 'quick']);
  const { file, identity } = locate(pathArgument(path));
  const fence = readFenceMarker(file);
  if (fence === null) return { path: file, fence, verified: null, sameBoot: null };
  if (identity === null) throw missing(file);
  const pids = [...new Set(findHolders(identity).map(({ pid }) => pid))];
  if (pids.length > 0) throw stillOpen(file, pids);
  const access = accessFor(file);
  const job = { kind: 'verify', file, identity, level: verify, busyTimeoutMs, access } as const;
  const { problems } = await runJob(job, { signal: options.signal });
  if (problems.length > 0) throw damaged(file, problems);
  removeFenceMarker(file);
  forgetToldFault(identityKey(identity));
  const boot = bootId();
  const sameBoot = boot === null || fence.boot === null ? null : boot === fence.boot;
  return { path: file, fence, verified: verify, sameBoot };
}

/**
 * A read-only connection leaves the -wal unchanged, but cannot read a database with a hot -journal. That one was synced
 * before the database was changed, so playing it back makes the database whole: SQLite does it at the open.
 */
function accessFor(file: string): ReadAccess {
  const holdsContent = (suffix: string): boolean =>
    (statSync(`${file}${suffix}`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  return holdsContent('-journal') && !holdsContent('-wal') ? 'read-write' : 'read-only';
}

function missing(file: string): InvalidOptionError {
  return new InvalidOptionError(`${file} is fenced, but the database does not exist.`, {
    hint: 'Restore the database with `restoreDatabase` or `npx safe-sqlite restore`, which removes the fence.',
    details: { file },
  });
}

function stillOpen(file: string, pids: readonly number[]): FencedDatabaseError {
  return new FencedDatabaseError(`The fence of ${file} stays: process ${pids.join(', ')} has the database open.`, {
    hint: 'Stop every process that has it open. While one is running, SQLite trusts the index in shared memory and does not recheck the -wal.',
    details: { file, pids },
  });
}

function damaged(file: string, problems: readonly string[]): FencedDatabaseError {
  const shown = problems.slice(0, shownProblems).join('; ');
  return new FencedDatabaseError(
    `The fence of ${file} stays: the check found ${count(problems.length, 'problem')} (${shown}).`,
    {
      hint: 'Copy the database with its -wal aside, then restore the newest verified backup with `restoreDatabase` or `npx safe-sqlite restore`.',
      details: { file, problems },
    },
  );
}
