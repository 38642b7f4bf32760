/** Defines what `db.health()` returns, and decides the status from the facts. Pure. */
import { count } from '../base/figures';
import { shellWord } from '../base/terminal-text';
import type { Histogram } from '../base/histogram';
import type { CheckpointHealth } from '../checkpoint/checkpoint-health';
import type { FilesystemErrors } from '../filesystem/linux/error-counters';
import type { PlanWarning } from '../policy/plan';
import type { ReaderFacts } from '../readers/counters';
import type { WriteQueueFacts } from '../writes/counters';

export interface SentinelHealth {
  /** `'unsupported'`: this system does not show the locks of a process; the files are watched all the same. */
  readonly locks: 'watched' | 'unsupported' | 'off';
  readonly reason: string;
  readonly checks: number;
}

/** Where checkpoints, backups and checks run. */
export interface JobsHealth {
  /** `'worker'`: in threads of their own. `'main'`: none can be had, and the event loop stands still meanwhile. */
  readonly thread: 'worker' | 'main';
  /** Why it is not a worker thread, and what to change; `null` where it is one, and with `checkpoint.thread: 'main'`. */
  readonly obstacle: string | null;
}

export interface BackupHealth {
  readonly lastBackup: { readonly path: string; readonly at: string; readonly ageMs: number } | null;
  /** Milliseconds since the last backup began, or, before the first one, since the schedule did. */
  readonly ageMs: number;
  /** ISO 8601; `null` while it is not known. */
  readonly next: string | null;
  readonly running: boolean;
  /** Failures since the last success. */
  readonly failures: number;
  readonly lastError: string | null;
  /** Why no backup was made for two intervals; `null` while one was. */
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
  readonly journalMode: string;
  readonly synchronous: 'full' | 'extra';
  readonly sqliteVersion: string;
  readonly filesystem: {
    readonly type: string;
    readonly class: string;
    readonly mountPoint: string | null;
    /** False where a power cut, or the end of the container or mount, can take acknowledged commits away. */
    readonly durable: boolean;
  } | null;
  /** The errors that the filesystem itself has counted; `null` where none does (only ext2 to ext4 and btrfs on Linux do). */
  readonly filesystemErrors: FilesystemErrors | null;
  /** What was wrong with the ground when the database was opened, for example that it is not durable. */
  readonly warnings: readonly PlanWarning[];
  /** Why nothing more can be done on this connection: the message of what every call throws. */
  readonly refusal: { readonly code: string; readonly message: string; readonly hint: string | null } | null;
  readonly checkpoints: CheckpointHealth | null;
  /** `null` for a database without a file. */
  readonly jobs: JobsHealth | null;
  readonly sentinel: SentinelHealth | null;
  /** Milliseconds of the commits to the file, the sync included; docs/metrics.md says which are timed. */
  readonly commitMs: Histogram;
  /** Failures of the storage, of locks and of memory since the database was opened, by the class of their error. */
  readonly faults: Readonly<Record<string, number>>;
  /** Since the last of them that found no room, in milliseconds; `null` when none did. */
  readonly fullAgeMs: number | null;
  /** The transaction that is open now; `null` when there is none. */
  readonly openTransaction?: OpenTransaction | null;
  readonly writes: Writes;
  /** The readers behind `db.reader`. */
  readonly readers: ReaderFacts;
  /** `null` where no backups are scheduled. */
  readonly backups: BackupHealth | null;
}

export interface OpenTransaction {
  readonly ageMs: number;
  /** The text that began it; `null` where that is not known. */
  readonly sql: string | null;
  readonly wrote: boolean;
}

export interface Health<Writes extends WriteHealth = WriteHealth> extends HealthFacts<Writes> {
  /** `'degraded'`: it works, and somebody should look at it. `'fenced'`: it does not work until somebody does. */
  readonly status: 'ok' | 'degraded' | 'fenced';
  /** One sentence for each reason that the status is not `'ok'`. */
  readonly reasons: readonly string[];
  /** The one command to run now; `null` while the status is `'ok'`. */
  readonly next: string | null;
}

/** One failure may pass by itself; this many in a row do not. */
const failuresThatCount = 3;
/** A disk that was full this long ago may be full still, in milliseconds: who writes rarely meets it rarely. */
const fullForMs = 60_000;
/** A reader that blocks checkpoints for longer than this pins the WAL, in milliseconds. */
const blockedTooLongMs = 60_000;
/** A transaction that is open for longer than this was forgotten, in milliseconds. */
const transactionTooLongMs = 10_000;
/** A write or a read that waits longer than this waits for something that does not end, in milliseconds. */
const queuedTooLongMs = 10_000;

export function healthOf<Writes extends WriteHealth>(facts: HealthFacts<Writes>): Health<Writes> {
  if (facts.refusal !== null) return verdict(facts, 'fenced', [facts.refusal.message]);
  const reasons = [
    ...damageReasons(facts.faults),
    ...roomReasons(facts.fullAgeMs),
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
  return Object.freeze({ status, reasons: Object.freeze(reasons), next, ...facts });
}

/** One page that is damaged may be the first that was read of many. */
function* damageReasons(faults: HealthFacts['faults']): Generator<string> {
  const found = (faults['SqliteCorruptError'] ?? 0) + (faults['SqliteNotADatabaseError'] ?? 0);
  if (found > 0) yield `SQLite found damage in the database ${count(found, 'time')} since it was opened.`;
}

/** A permission is a sentence in the options; its warning says that it was given. */
function* durabilityReasons({ filesystem, warnings }: HealthFacts): Generator<string> {
  if (filesystem === null || filesystem.durable) return;
  if (warnings.some(({ code }) => code === 'non-durable-filesystem-allowed')) return;
  const why = warnings[0]?.message ?? 'A power cut, or the end of the container or mount, can take commits away there.';
  yield `The filesystem is not durable: ${why}`;
}

function* roomReasons(fullAgeMs: number | null): Generator<string> {
  if (fullAgeMs === null || fullAgeMs >= fullForMs) return;
  yield `A statement found no room ${seconds(fullAgeMs)} ago (the disk, a quota or max_page_count is full); it was rolled back.`;
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
    yield `Checkpoints have been blocked for ${seconds(blocked.forMs)}: a read transaction that does not end pins the WAL.${oldestReader(readers)}`;
  }
  if (walBytes > walLimitBytes) {
    const who = owner === 'external' ? ' The program that checkpoints it does not keep up, or does not run.' : '';
    yield `The WAL has ${walBytes} bytes, more than its limit of ${walLimitBytes}.${who}`;
  }
}

/** Nothing that a program does in one go is open for so long: somebody forgot to commit or to roll back. */
function* transactionReasons(open: OpenTransaction | null): Generator<string> {
  if (open === null || open.ageMs < transactionTooLongMs) return;
  const began = open.sql === null ? '' : `, begun by ${open.sql.slice(0, 200)}`;
  const what = open.wrote ? ' What it has written is stored by its COMMIT only.' : '';
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

/** The reader of this process that has held its state of the database longest: it may be what pins the WAL. */
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
  yield `The last ${backups.failures} scheduled backups failed: ${backups.lastError ?? 'for a reason that is not known'}`;
}

function seconds(milliseconds: number): string {
  return `${Math.round(milliseconds / 1000)} s`;
}

// The type of `db.health()`; apart from what gathers it, because public types lead here.

export type DatabaseHealth = Health<WriteQueueFacts>;
