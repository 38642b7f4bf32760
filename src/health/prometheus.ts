/** Writes the health of databases as Prometheus text. https://prometheus.io/docs/instrumenting/exposition_formats/ */
import type { Histogram } from '../base/histogram';
import type { Health, DatabaseHealth } from './health';
import { refuseOption } from '../options/checks';

interface WriteCounters {
  readonly queuedByPriority: Readonly<Record<string, number>>;
  readonly queued: number;
  readonly oldestMs: number | null;
  readonly waitsFor: string | null;
  readonly batches: number;
  readonly committed: number;
  readonly rejected: number;
  readonly refused: number;
  readonly batchSizes: Histogram;
}

type Facts = Health<WriteCounters>;

/** Labels besides `database`, and the value; a value of `null` is not printed. */
type Sample = readonly [labels: Readonly<Record<string, string>>, value: number | null];

interface Family {
  readonly name: string;
  readonly help: string;
  readonly kind: 'gauge' | 'counter' | 'histogram';
  readonly read: (health: Facts) => readonly Sample[] | MeasuredHistogram | null;
}

interface MeasuredHistogram {
  readonly histogram: Histogram;
  /** One unit of the metric, in units of the histogram. */
  readonly unit: number;
}

const millisecondsInSecond = 1000;

const outOfService = [
  ['fenced', 'SAFE_SQLITE_FENCED'],
  ['locks_lost', 'SAFE_SQLITE_LOCKS_LOST'],
  ['file_replaced', 'SAFE_SQLITE_FILE_REPLACED'],
] as const;

const families: readonly Family[] = [
  {
    name: 'info',
    kind: 'gauge',
    help: 'Always 1; its labels say how the database is opened.',
    read: ({ journalMode, synchronous, sqliteVersion, filesystem }) => [
      [{ journal_mode: journalMode, synchronous, sqlite: sqliteVersion, filesystem: filesystem?.type ?? '' }, 1],
    ],
  },
  gauge('up', '1 while the database serves, 0 when it takes no more calls.', health =>
    health.status === 'fenced' ? 0 : 1,
  ),
  gauge('degraded', '1 when it works but needs attention; 0 while `up` is 0.', health =>
    health.status === 'degraded' ? 1 : 0,
  ),
  {
    name: 'out_of_service',
    kind: 'gauge',
    help: '1 for the reason that it takes no more calls: fenced by a fault of the storage, locks lost, file replaced.',
    read: ({ refusal }) => outOfService.map(([reason, code]) => [{ reason }, refusal?.code === code ? 1 : 0] as const),
  },
  gauge('wal_bytes', 'Bytes in the WAL since its last reset.', ({ checkpoints }) => checkpoints?.walBytes ?? null),
  gauge(
    'wal_pending_bytes',
    'Bytes in the WAL that are not yet in the database.',
    ({ checkpoints }) => checkpoints?.pendingBytes ?? null,
  ),
  gauge('checkpoint_age_seconds', 'Since the last complete checkpoint.', ({ checkpoints }) =>
    inSeconds(checkpoints?.lastCompleteAgeMs),
  ),
  gauge('checkpoints_blocked', 'Consecutive blocked checkpoints.', ({ checkpoints }) =>
    checkpoints === null ? null : (checkpoints.blocked?.consecutive ?? 0),
  ),
  gauge('checkpoints_failed', 'Consecutive failed checkpoints.', ({ checkpoints }) =>
    checkpoints === null ? null : (checkpoints.failed?.consecutive ?? 0),
  ),
  {
    name: 'checkpoints_total',
    kind: 'counter',
    help: 'Checkpoints by outcome: complete, blocked by a reader, busy, failed.',
    read: ({ checkpoints }) => labelled('outcome', checkpoints?.counts ?? {}),
  },
  {
    name: 'checkpoint_seconds',
    kind: 'histogram',
    help: 'Duration of a completed checkpoint.',
    read: ({ checkpoints }) =>
      checkpoints === null ? null : { histogram: checkpoints.durationMs, unit: millisecondsInSecond },
  },
  {
    name: 'commit_seconds',
    kind: 'histogram',
    help: 'Duration of a commit to the file, including the sync.',
    read: ({ commitMs }) => ({ histogram: commitMs, unit: millisecondsInSecond }),
  },
  {
    name: 'faults_total',
    kind: 'counter',
    help: 'Failures of the storage, of locks and of memory, by error class.',
    read: ({ faults }) => labelled('error', faults),
  },
  {
    name: 'writes_queued',
    kind: 'gauge',
    help: 'Waiting writes.',
    read: ({ writes }) => labelled('priority', writes.queuedByPriority),
  },
  gauge('write_wait_seconds', 'How long the oldest queued write has waited.', ({ writes }) =>
    inSeconds(writes.oldestMs ?? 0),
  ),
  counter('writes_committed_total', 'Writes that were committed.', ({ writes }) => writes.committed),
  counter('writes_rejected_total', 'Writes that were rejected.', ({ writes }) => writes.rejected),
  counter('writes_refused_total', 'Writes that a full queue refused.', ({ writes }) => writes.refused),
  counter('batches_total', 'Commits of the write queue.', ({ writes }) => writes.batches),
  {
    name: 'batch_size',
    kind: 'histogram',
    help: 'Writes in a batch.',
    read: ({ writes }) => ({ histogram: writes.batchSizes, unit: 1 }),
  },
  gauge('readers', 'Reader processes that live.', ({ readers }) => readers.processes),
  gauge('readers_busy', 'Readers that run a query or a snapshot.', ({ readers }) => readers.busy),
  gauge('reads_queued', 'Calls of db.reader that wait.', ({ readers }) => readers.queued),
  gauge('read_wait_seconds', 'How long the oldest of them has waited.', ({ readers }) =>
    inSeconds(readers.oldestMs ?? 0),
  ),
  {
    name: 'reads_total',
    kind: 'counter',
    help: 'Calls of db.reader by outcome: done, failed, timeout, aborted, refused by a full queue.',
    read: ({ readers }) => labelled('outcome', readers.counts),
  },
  {
    name: 'read_seconds',
    kind: 'histogram',
    help: 'Duration of a call of db.reader, including the wait.',
    read: ({ readers }) => ({ histogram: readers.durationMs, unit: millisecondsInSecond }),
  },
  counter('readers_killed_total', 'Readers that were terminated to stop a query.', ({ readers }) => readers.killed),
  counter('readers_lost_total', 'Readers that ended by themselves.', ({ readers }) => readers.lost),
  counter('sentinel_checks_total', 'Checks of locks and files.', ({ sentinel }) => sentinel?.checks ?? null),
  gauge(
    'filesystem_errors',
    'Errors that the filesystem has counted itself.',
    ({ filesystemErrors }) => filesystemErrors?.count ?? null,
  ),
  gauge(
    'backup_age_seconds',
    'Age of the newest scheduled backup; before the first one, of the schedule.',
    ({ backups }) => inSeconds(backups?.ageMs),
  ),
  gauge(
    'backup_failures',
    'Scheduled backups that failed since the last success.',
    ({ backups }) => backups?.failures ?? null,
  ),
];

/** Writes each family once, with the lines of every database, as the format requires for a page. */
export function prometheusText(databases: Iterable<readonly [name: string, health: Facts]>): string {
  const named = [...databases].map(([name, health]) => ({ label: `database="${escapeLabel(name)}"`, health }));
  const lines: string[] = [];
  for (const { name, kind, help, read } of families) {
    const full = `safe_sqlite_${name}`;
    const samples = named.flatMap(({ label, health }) => print(full, label, read(health)));
    if (samples.length > 0) lines.push(`# HELP ${full} ${help}`, `# TYPE ${full} ${kind}`, ...samples);
  }
  return lines.map(line => `${line}\n`).join('');
}

function gauge(name: string, help: string, value: (health: Facts) => number | null): Family {
  return { name, help, kind: 'gauge', read: health => [[{}, value(health)]] };
}

function counter(name: string, help: string, value: (health: Facts) => number | null): Family {
  return { name, help, kind: 'counter', read: health => [[{}, value(health)]] };
}

function labelled(label: string, values: Readonly<Record<string, number>>): readonly Sample[] {
  return Object.entries(values).map(([name, value]) => [{ [label]: name }, value]);
}

function print(name: string, label: string, read: ReturnType<Family['read']>): string[] {
  if (read === null) return [];
  if ('histogram' in read) return printHistogram(name, label, read);
  return read.flatMap(([labels, value]) => {
    if (value === null) return [];
    const all = [label, ...Object.entries(labels).map(([key, text]) => `${key}="${escapeLabel(text)}"`)];
    return `${name}{${all.join(',')}} ${value}`;
  });
}

function printHistogram(name: string, label: string, { histogram, unit }: MeasuredHistogram): string[] {
  const { buckets, sum, count } = histogram;
  return [
    ...buckets.map(({ upTo, count: below }) => `${name}_bucket{${label},le="${upTo / unit}"} ${below}`),
    `${name}_bucket{${label},le="+Inf"} ${count}`,
    `${name}_sum{${label}} ${sum / unit}`,
    `${name}_count{${label}} ${count}`,
  ];
}

function inSeconds(milliseconds: number | null | undefined): number | null {
  return milliseconds === null || milliseconds === undefined ? null : milliseconds / millisecondsInSecond;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

// Implements `metricsText`: one page of metrics for several databases.

/**
 * Returns the health of several databases as one page of Prometheus text; the names are the values of the label
 * `database`.
 *
 * Concatenated texts of `db.metrics()` are not a valid page: each family of metrics may be declared only once.
 *
 * @throws InvalidOptionError, and the error of `health()` of one of them: ClosedDatabaseError
 *
 * @example const page = metricsText({ main: db });
 */
export function metricsText(databases: Readonly<Record<string, { health(): DatabaseHealth }>>): string {
  if (typeof databases !== 'object' || databases === null) {
    refuseOption('databases', 'an object of databases by their names', databases);
  }
  return prometheusText(
    Object.entries(databases).map(([name, database]) => {
      if (typeof database?.health !== 'function') refuseOption(`databases.${name}`, 'a database', database);
      return [name, database.health()];
    }),
  );
}
