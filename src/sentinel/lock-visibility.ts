/** Whether this system shows the locks of a process at all: gVisor has a fdinfo without them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NativeDatabase } from '../native/better-sqlite3';
import { findDescriptors } from '../proc/descriptors';
import { parseLocks, watchLocks } from '../proc/locks';

let known: boolean | null = null;

/**
 * Takes a write lock on a scratch database and looks whether the kernel shows it.
 *
 * Asked only when a connection seems to have no locks, to tell a lost lock from a system that shows none; the answer
 * is the same for the life of the process.
 */
export function locksAreVisible(): boolean {
  known ??= probe();
  return known;
}

/** Some lock was seen: no need to probe. */
export function locksWereSeen(): void {
  known = true;
}

function probe(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-'));
  try {
    const file = join(folder, 'probe.db');
    const scratch = new NativeDatabase(file);
    try {
      scratch.exec('BEGIN IMMEDIATE');
      return showsLock(file);
    } finally {
      scratch.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function showsLock(file: string): boolean {
  const found = findDescriptors((_, path) => path === file);
  if (!found.supported) return false;
  return found.descriptors.some(({ fd }) => {
    const watch = watchLocks(fd);
    if (!watch.supported) return false;
    const locks = parseLocks(watch.reader.read() ?? '');
    watch.reader.stop();
    return locks.length > 0;
  });
}
