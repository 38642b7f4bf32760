/** Lists the POSIX locks of a healthy connection, which the lock sentinel compares with those the kernel reports. */
import type { HeldLock } from '../proc/locks';

/**
 * The connection's knowledge of its transaction.
 *
 * `'open'`: one is open, but may not have touched the file yet. `'writing'`: it holds the write lock, because it began
 * IMMEDIATE or EXCLUSIVE or has changed something.
 */
export type TransactionState = 'none' | 'open' | 'writing';

export interface LockRequirement {
  /** SQLite's name of the lock. */
  readonly name: string;
  readonly kind: 'read' | 'write';
  readonly start: number;
  readonly end: number;
}

export interface ExpectedLocks {
  readonly database: readonly LockRequirement[];
  readonly sharedMemory: readonly LockRequirement[];
  readonly reason: string;
}

// Bytes in the database file: PENDING_BYTE is 0x40000000, RESERVED one after it, then 510 bytes SHARED (os.h).
const shared: LockRequirement = { name: 'SHARED', kind: 'read', start: 0x40000002, end: 0x40000002 + 509 };
const reserved: LockRequirement = { name: 'RESERVED', kind: 'write', start: 0x40000001, end: 0x40000001 };
// Bytes in the -shm file: 120 is WAL_WRITE_LOCK, 128 the dead man's switch (os_unix.c, UNIX_SHM_BASE and UNIX_SHM_DMS).
const walWrite: LockRequirement = { name: 'WAL_WRITE', kind: 'write', start: 120, end: 120 };
const deadMansSwitch: LockRequirement = { name: 'DMS', kind: 'read', start: 128, end: 128 };

const none: ExpectedLocks = {
  database: [],
  sharedMemory: [],
  reason: 'a rollback journal needs locks in transactions only',
};
const rollbackWriting: ExpectedLocks = {
  database: [shared, reserved],
  sharedMemory: [],
  reason: 'a write transaction has RESERVED until its commit',
};
const walIdle: ExpectedLocks = {
  database: [shared],
  sharedMemory: [deadMansSwitch],
  reason: 'a WAL connection keeps SHARED and DMS from its first access until it closes',
};
const walWriting: ExpectedLocks = {
  database: [shared],
  sharedMemory: [deadMansSwitch, walWrite],
  reason: 'a WAL write transaction has WAL_WRITE besides',
};

/** The locks of a connection that has accessed its file, in the default locking mode (measured, SQLite 3.54.1). */
export function expectedLocks(journalMode: string, transaction: TransactionState): ExpectedLocks {
  if (journalMode === 'wal') return transaction === 'writing' ? walWriting : walIdle;
  return transaction === 'writing' ? rollbackWriting : none;
}

/** Returns the requirements that no held lock meets; a write lock over the range also meets a read requirement. */
export function missingLocks(
  required: readonly LockRequirement[],
  held: readonly HeldLock[],
): readonly LockRequirement[] {
  return required.filter(requirement => !held.some(lock => meets(lock, requirement)));
}

/** The lock that only a writer in rollback mode has; `sentinel.ts` asks for it when the writer's journal is open. */
export const reservedLock: readonly LockRequirement[] = [reserved];

function meets(lock: HeldLock, requirement: LockRequirement): boolean {
  const strong = lock.kind === 'write' || requirement.kind === 'read';
  return strong && lock.start <= requirement.start && lock.end >= requirement.end;
}
