/** Takes the fence of a file away, after somebody has looked at the storage and the database was checked. */
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
  /** What the fence said; `null` when there was none, and nothing was checked. */
  readonly fence: FenceMarker | null;
  readonly verified: 'full' | 'quick' | null;
  /**
   * The machine has not been booted since the fault, so that the check may have read from memory what is not on the
   * disk: copy the files, or mount the filesystem anew, before you rely on it. `null` where the system does not say.
   */
  readonly sameBoot: boolean | null;
}

/** ms. Nobody else has the file open, so nothing is waited for. */
const busyTimeoutMs = 1000;
/** Problems that a message shows; `details.problems` has them all. */
const shownProblems = 3;

/** The fence of a database: what failed, when and in which process; `null` when it is not fenced. */
export function readFence(path: string): FenceMarker | null {
  return readFenceMarker(locate(pathArgument(path)).file);
}

/**
 * Checks a fenced database that no process has open, and removes its fence.
 *
 * SQLite takes only those transactions out of the `-wal` whose checksums are right, provided that every process has
 * closed it; so it refuses while one has not. docs/fencing.md says what to look at before.
 *
 * @throws FencedDatabaseError when a process has the file open, or the check finds anything: the fence stays. Also what
 *   the storage throws
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
 * A read-only connection leaves the -wal as it is, but cannot read a database with a hot -journal. That one was synced
 * before the database was changed, so that playing it back is what makes the database whole: SQLite does it at the open.
 */
function accessFor(file: string): ReadAccess {
  const holdsContent = (suffix: string): boolean =>
    (statSync(`${file}${suffix}`, { throwIfNoEntry: false })?.size ?? 0) > 0;
  return holdsContent('-journal') && !holdsContent('-wal') ? 'read-write' : 'read-only';
}

function missing(file: string): InvalidOptionError {
  return new InvalidOptionError(`There is a fence of ${file}, but no such database.`, {
    hint: 'Restore the database with `restoreDatabase` or `npx safe-sqlite restore`, which takes the fence away.',
    details: { file },
  });
}

function stillOpen(file: string, pids: readonly number[]): FencedDatabaseError {
  return new FencedDatabaseError(`The fence of ${file} stays: process ${pids.join(', ')} has the database open.`, {
    hint: 'Stop every process that has it open. As long as one lives, SQLite trusts the index in shared memory and does not check the -wal anew.',
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
