/** Defines what `db.health()` returns, and decides the status from the facts. Pure. */
import { count, formatBytes } from '../base/figures';
import { shellWord } from '../base/terminal-text';
import type { Histogram } from '../base/histogram';
import type { CheckpointHealth } from '../checkpoint/checkpoint-health';
import type { FilesystemErrors } from '../filesystem/linux/error-counters';
import { roomForBytes, roomForFiles } from '../policy/free-space';
import type { PlanWarning } from '../policy/plan';
import type { ReaderFacts } from '../readers/counters';
import type { WriteQueueFacts } from '../writes/counters';

export interface SentinelHealth {
  /** `'unsupported'`: this system does not show the locks of a process; the files are watched anyway. */
  readonly locks: 'watched' | 'unsupported' | 'off';
  readonly reason: string;
  readonly checks: number;
}

/** Where checkpoints, backups and checks run. */
export interface JobsHealth {
  /** `'worker'`: in threads of their own. `'main'`: none is available, and they block the event loop. */
  readonly thread: 'worker' | 'main';
  /** Why it is not a worker thread, and what to change; `null` if it is one, and with `checkpoint.thread: 'main'`. */
  readonly obstacle: string | null;
}

export interface BackupHealth {
  readonly lastBackup: { readonly path: string; readonly at: string; readonly ageMs: number } | null;
  /** Milliseconds since the last backup was started, or, before the first one, since the schedule was. */
  readonly ageMs: number;
  /** ISO 8601; `null` while it is unknown. */
  readonly next: string | null;
  readonly running: boolean;
  /** Failures since the last success. */
  readonly failures: number;
  readonly lastError: string | null;
  /** Why no backup was made for two intervals; `null` if one was. */
  readonly overdue: string | null;
}

export interface WriteHealth {
  readonly queued: number;
  readonly oldestMs: number | null;
  readonly waitsFor: string | null;
}

export interface HealthFacts<Writes extends WriteHealth = WriteHealth> {
  /** Canonical path; `null` for a database without a file. */
  readonly file: string | null;
  /** In force now: the application may have switched it. */
  readonly journalMode: string;
  /** In force now; below `'full'` only where `dangerously.allowUnsyncedCommits` permits it. */
  readonly synchronous: 'off' | 'normal' | 'full' | 'extra';
  readonly sqliteVersion: string;
  readonly filesystem: {
    readonly type: string;
    readonly class: string;
    readonly mountPoint: string | null;
    /** False if a power cut, or the end of the container or mount, can lose acknowledged commits. */
    readonly durable: boolean;
  } | null;
  /**
   * The errors that the filesystem itself has counted; `null` if it counts none (only ext2 to ext4 and btrfs on Linux
   * do).
   */
  readonly filesystemErrors: FilesystemErrors | null;
  /**
   * The free space of the file's filesystem, as `df` and `df -i` report it. `null` for a database without a file, for one
   * that is only read, and where it was not asked: a filesystem of another machine may not answer.
   */
  readonly space: SpaceHealth | null;
  /** Warnings about the filesystem when the database was opened, for example that it is not durable. */
  readonly warnings: readonly PlanWarning[];
  /** Why this connection is unusable: the error of every call. */
  readonly refusal: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
  readonly checkpoints: CheckpointHealth | null;
  /** `null` for a database without a file. */
  readonly jobs: JobsHealth | null;
  readonly sentinel: SentinelHealth | null;
  /** Milliseconds of the commits to the file, including the sync; docs/metrics.md lists which are timed. */
  readonly commitMs: Histogram;
  /** Failures of the storage, of locks and of memory since the database was opened, by error class. */
  readonly faults: Readonly<Record<string, number>>;
  /** Milliseconds since the last failure for lack of space; `null` if there was none. */
  readonly fullAgeMs: number | null;
  /** The last `db.verify()` of this connection, or what a backup found in its copy; `null` before the first. */
  readonly lastCheck: CheckHealth | null;
  /** The open transaction; `null` if there is none. */
  readonly openTransaction?: OpenTransaction | null;
  readonly writes: Writes;
  /** The readers of `db.reader`. */
  readonly readers: ReaderFacts;
  /** `null` if no backups are scheduled. */
  readonly backups: BackupHealth | null;
}

export interface SpaceHealth {
  /** Bytes available to users other than root. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** Files that can still be created. */
  readonly freeInodes: number;
  /** 0 if the filesystem creates inodes on demand. */
  readonly totalInodes: number;
}

export interface CheckHealth {
  readonly ok: boolean;
  readonly level: 'quick' | 'full';
  readonly ageMs: number;
  /** The first thing that SQLite found; `null` where it found nothing. */
  readonly problem: string | null;
}

export interface OpenTransaction {
  readonly ageMs: number;
  /** The text that began it; `null` if unknown. */
  readonly sql: string | null;
  readonly wrote: boolean;
}

export interface Health<Writes extends WriteHealth = WriteHealth> extends HealthFacts<Writes> {
  /** `'degraded'`: it works, but needs attention. `'fenced'`: it does not work until an operator acts. */
  readonly status: 'ok' | 'degraded' | 'fenced';
  /** One sentence for each reason why the status is not `'ok'`. */
  readonly reasons: readonly string[];
  /** The one command to run now; `null` while the status is `'ok'`. */
  readonly next: string | null;
}

/** A single failure may be transient; this many in a row are not. */
const failuresThatCount = 3;
/** A disk that was full this long ago may still be full, in milliseconds: a rare writer rarely meets it. */
const fullForMs = 60_000;
/** A reader that blocks checkpoints for longer than this pins the WAL, in milliseconds. */
const blockedTooLongMs = 60_000;
/** A transaction that is open for longer than this was forgotten, in milliseconds. */
const transactionTooLongMs = 10_000;
/** A write or a read that waits longer than this is stuck, in milliseconds. */
const queuedTooLongMs = 10_000;

export function healthOf<Writes extends WriteHealth>(facts: HealthFacts<Writes>): Health<Writes> {
  if (facts.refusal !== null) return verdict(facts, 'fenced', [facts.refusal.message]);
  const reasons = [
    ...damageReasons(facts),
    ...roomReasons(facts),
    ...durabilityReasons(facts),
    ...filesystemReasons(facts.filesystemErrors),
    ...checkpointReasons(facts.checkpoints, facts.readers),
    ...transactionReasons(facts.openTransaction ?? null),
    ...jobReasons(facts.jobs),
    ...writeReasons(facts.writes),
    ...readerReasons(facts.readers),
    ...backupReasons(facts.backups),
  ];
  return verdict(facts, reasons.length === 0 ? 'ok' : 'degraded', reasons);
}

function verdict<Writes extends WriteHealth>(
  facts: HealthFacts<Writes>,
  status: Health['status'],
  reasons: readonly string[],
): Health<Writes> {
  const next = status === 'ok' || facts.file === null ? null : `npx safe-sqlite doctor ${shellWord(facts.file)}`;
  return frozen({ status, reasons, next, ...facts });
}

/** Returns a deeply frozen copy: the sources of the facts continue to change. */
function frozen<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null) return value;
  const copy: unknown = Array.isArray(value)
    ? value.map(frozen)
    : Object.fromEntries(Object.entries(value).map(([name, member]) => [name, frozen(member as unknown)]));
  return Object.freeze(copy) as Value;
}

/** One damaged page may be the first of many. */
function* damageReasons({ faults, lastCheck }: HealthFacts): Generator<string> {
  if (lastCheck !== null && !lastCheck.ok) {
    yield `A check ${seconds(lastCheck.ageMs)} ago found damage in the database: ${lastCheck.problem ?? 'not told'}`;
  }
  const found = (faults['SqliteCorruptError'] ?? 0) + (faults['SqliteNotADatabaseError'] ?? 0);
  if (found > 0) yield `SQLite found damage in the database ${count(found, 'time')} since it was opened.`;
}

/** A permission is a sentence in the options; its warning reports that it was given. */
function* durabilityReasons({ filesystem, warnings }: HealthFacts): Generator<string> {
  if (warnings.some(({ code }) => code === 'non-durable-filesystem-allowed')) return;
  const unsynced = warnings.find(({ code }) => code === 'non-durable-sync');
  if (unsynced !== undefined) yield `Commits are not durable: ${unsynced.message}`;
  if (filesystem === null || filesystem.durable) return;
  const why = warnings[0]?.message ?? 'A power cut, or the end of the container or mount, can take commits away there.';
  yield `The filesystem is not durable: ${why}`;
}

/** A writer of small rows does not fail until the last page is taken: the free space is judged as the doctor judges it. */
function* roomReasons({ fullAgeMs, space, filesystem }: HealthFacts): Generator<string> {
  if (fullAgeMs !== null && fullAgeMs < fullForMs) {
    yield `A statement failed for lack of space ${seconds(fullAgeMs)} ago (the disk, a quota or max_page_count is full); it was rolled back.`;
  }
  if (space === null) return;
  const mountPoint = filesystem?.mountPoint ?? '';
  const place = mountPoint === '' ? '' : ` at ${mountPoint}`;
  const bytes = roomForBytes(space);
  if (bytes !== 'enough') {
    const free = `${formatBytes(space.freeBytes)} of ${formatBytes(space.totalBytes)} are free`;
    yield `The disk${place} is ${bytes === 'full' ? 'full' : 'nearly full'}: ${free}.`;
  }
  if (roomForFiles(space) !== 'enough') {
    yield `The filesystem${place} has ${space.freeInodes} of ${space.totalInodes} inodes free: SQLite must create a -wal or -journal.`;
  }
}

function* filesystemReasons(errors: FilesystemErrors | null): Generator<string> {
  if (errors === null || errors.count === 0) return;
  const counters = Object.entries(errors.counters).map(([name, value]) => `${name} ${value}`);
  const last = errors.last === null ? '' : `; the last: ${errors.last}`;
  yield `The filesystem has counted errors (${counters.join(', ')}, ${errors.source}${last}).`;
}

function* checkpointReasons(checkpoints: CheckpointHealth | null, readers: ReaderFacts): Generator<string> {
  if (checkpoints === null) return;
  const { failed, blocked, walBytes, walLimitBytes, owner } = checkpoints;
  if (failed !== null && failed.consecutive >= failuresThatCount) {
    yield `The last ${failed.consecutive} checkpoints failed with ${failed.code}: ${failed.message}`;
  }
  if (blocked !== null && blocked.forMs >= blockedTooLongMs) {
    yield `Checkpoints have been blocked for ${seconds(blocked.forMs)}: an open read transaction pins the WAL.${oldestReader(readers)}`;
  }
  if (walBytes > walLimitBytes) {
    const who = owner === 'external' ? ' The external program that checkpoints it is too slow, or is not running.' : '';
    yield `The WAL has ${walBytes} bytes, more than its limit of ${walLimitBytes}.${who}`;
  }
}

/** No single piece of synchronous work keeps one open this long: a commit or rollback was forgotten. */
function* transactionReasons(open: OpenTransaction | null): Generator<string> {
  if (open === null || open.ageMs < transactionTooLongMs) return;
  const began = open.sql === null ? '' : `, begun by ${open.sql.slice(0, 200)}`;
  const what = open.wrote ? ' Its writes are stored only by its COMMIT.' : '';
  yield `A transaction has been open for ${seconds(open.ageMs)}${began}.${what}`;
}

function* jobReasons(jobs: JobsHealth | null): Generator<string> {
  if (jobs !== null && jobs.obstacle !== null) yield jobs.obstacle;
}

function* writeReasons({ oldestMs, queued, waitsFor }: WriteHealth): Generator<string> {
  if (oldestMs === null || oldestMs < queuedTooLongMs) return;
  const obstacle = waitsFor === null ? '' : ` for the ${waitsFor}`;
  yield `The write queue holds ${count(queued, 'write')}; the oldest has waited${obstacle} for ${seconds(oldestMs)}.`;
}

/** Names the reader of this process that has held its snapshot longest: it may be pinning the WAL. */
function oldestReader({ running: [oldest] }: ReaderFacts): string {
  if (oldest === undefined) return '';
  const process = oldest.pid === null ? '' : ` (process ${oldest.pid})`;
  return ` A reader of db.reader${process} has run for ${seconds(oldest.ageMs)}: ${oldest.sql ?? 'a snapshot between two queries'}.`;
}

function* readerReasons({ oldestMs, queued, busy, max }: ReaderFacts): Generator<string> {
  if (oldestMs === null || oldestMs < queuedTooLongMs) return;
  yield `${count(queued, 'call')} of db.reader wait, the oldest for ${seconds(oldestMs)}: ${busy} of at most ${max} readers are busy.`;
}

function* backupReasons(backups: BackupHealth | null): Generator<string> {
  if (backups === null) return;
  if (backups.overdue !== null) {
    yield `No scheduled backup was made for ${seconds(backups.ageMs)}, which is more than two intervals: ${backups.overdue}`;
  }
  if (backups.failures === 0) return;
  yield `The last ${backups.failures} scheduled backups failed: ${backups.lastError ?? 'for an unknown reason'}`;
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1000)} s`;
}

// Declares the type of `db.health()`; separate from its gathering, because public types refer to it.

export type DatabaseHealth = Health<WriteQueueFacts>;
