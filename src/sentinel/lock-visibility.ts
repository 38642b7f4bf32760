/** Detects whether this system shows the locks of a process: gVisor has a fdinfo without them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NativeDatabase } from '../native/better-sqlite3';
import { descriptorsBy } from '../proc/descriptors';
import { parseLocks, watchLocks } from '../proc/locks';

let known: boolean | null = null;

/**
 * Takes a write lock on a scratch database and checks whether the kernel shows it.
 *
 * Called only if a connection seems to have no locks, to distinguish a lost lock from a system that shows none; the
 * answer is the same for the life of the process. If the temporary folder cannot be written (a container with a
 * read-only root), the scratch database is created in `folder`, that of the database. `null`: neither can be written, or the
 * look failed.
 */
export function locksAreVisible(folder: string): boolean | null {
  for (const place of [tmpdir(), folder]) {
    if (known !== null) break;
    known = probe(place);
  }
  return known;
}

/** A lock was seen: no probe is needed. */
export function locksWereSeen(): void {
  known = true;
}

/** Also called in a timer, where an error would end the process. */
function probe(place: string): boolean | null {
  let folder: string | null = null;
  try {
    folder = mkdtempSync(join(place, '.safe-sqlite-'));
    return showsOwnLock(join(folder, 'probe.db'));
  } catch {
    return null;
  } finally {
    if (folder !== null) remove(folder);
  }
}

function showsOwnLock(file: string): boolean | null {
  const scratch = new NativeDatabase(file);
  try {
    scratch.exec('BEGIN IMMEDIATE');
    return showsLock(file);
  } finally {
    scratch.close();
  }
}

function remove(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // It stays, empty or with an empty database.
  }
}

/** `null`: some descriptor could not be read. */
function showsLock(file: string): boolean | null {
  const found = descriptorsBy(file);
  if (!found.supported) return found.transient ? null : false;
  let answer: false | null = false;
  for (const { fd } of found.descriptors) {
    const watch = watchLocks(fd);
    if (!watch.supported) {
      if (watch.transient) answer = null;
      continue;
    }
    const text = watch.reader.read();
    watch.reader.stop();
    if (text === null) answer = null;
    else if (parseLocks(text).length > 0) return true;
  }
  return answer;
}
