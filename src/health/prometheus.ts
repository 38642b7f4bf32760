/** The health of a database as Prometheus text. https://prometheus.io/docs/instrumenting/exposition_formats/ */
import type { Health } from './health';

/** As the write queue counts them: a bucket holds those of the buckets before it too. */
interface Histogram {
  readonly buckets: readonly { readonly upTo: number; readonly count: number }[];
  readonly sum: number;
  readonly count: number;
}

interface WriteCounters {
  readonly queuedByPriority: Readonly<Record<string, number>>;
  readonly queued: number;
  readonly oldestMs: number | null;
  readonly waitsFor: string | null;
  readonly batches: number;
  readonly committed: number;
  readonly rejected: number;
  readonly refused: number;
  readonly commitMs: Histogram;
  readonly batchSizes: Histogram;
}

type Kind = 'gauge' | 'counter';

/** One metric line for each fact that is a number; `database` is the label that tells several apart. */
export function prometheusText(health: Health<WriteCounters>, database: string): string {
  const label = `database="${escapeLabel(database)}"`;
  const lines: string[] = [];
  const metric = (name: string, kind: Kind, help: string, value: number | null): void => {
    if (value === null) return;
    lines.push(`# HELP safe_sqlite_${name} ${help}`, `# TYPE safe_sqlite_${name} ${kind}`);
    lines.push(`safe_sqlite_${name}{${label}} ${value}`);
  };
  const { checkpoints, writes, backups, sentinel } = health;
  metric('up', 'gauge', '1 while the database serves, 0 when it is fenced.', health.status === 'fenced' ? 0 : 1);
  metric('degraded', 'gauge', '1 when somebody should look at it.', health.status === 'degraded' ? 1 : 0);
  metric('wal_bytes', 'gauge', 'Bytes in the WAL since it started over.', checkpoints?.walBytes ?? null);
  metric(
    'wal_pending_bytes',
    'gauge',
    'Bytes in the WAL that are not in the database yet.',
    checkpoints?.pendingBytes ?? null,
  );
  metric(
    'checkpoint_age_seconds',
    'gauge',
    'Since the last complete checkpoint.',
    inSeconds(checkpoints?.lastCompleteAgeMs),
  );
  metric(
    'checkpoints_blocked',
    'gauge',
    'Blocked checkpoints in a row.',
    checkpoints === null ? null : (checkpoints.blocked?.consecutive ?? 0),
  );
  metric(
    'checkpoints_failed',
    'gauge',
    'Failed checkpoints in a row.',
    checkpoints === null ? null : (checkpoints.failed?.consecutive ?? 0),
  );
  lines.push('# HELP safe_sqlite_writes_queued Writes that wait.', '# TYPE safe_sqlite_writes_queued gauge');
  for (const [priority, queued] of Object.entries(writes.queuedByPriority)) {
    lines.push(`safe_sqlite_writes_queued{${label},priority="${priority}"} ${queued}`);
  }
  metric(
    'write_wait_seconds',
    'gauge',
    'How long the oldest queued write has waited.',
    inSeconds(writes.oldestMs ?? 0),
  );
  metric('writes_committed_total', 'counter', 'Writes that were committed.', writes.committed);
  metric('writes_rejected_total', 'counter', 'Writes that were rejected.', writes.rejected);
  metric('writes_refused_total', 'counter', 'Writes that a full queue refused.', writes.refused);
  metric('commits_total', 'counter', 'Commits of the write queue.', writes.batches);
  metric('sentinel_checks_total', 'counter', 'Checks of locks and files.', sentinel?.checks ?? null);
  metric('backup_age_seconds', 'gauge', 'Age of the newest scheduled backup.', inSeconds(backups?.lastBackup?.ageMs));
  metric(
    'backup_failures',
    'gauge',
    'Scheduled backups that failed since the last success.',
    backups?.failures ?? null,
  );
  lines.push(...histogram('commit_seconds', 'Time of a COMMIT, the sync included.', writes.commitMs, label, 1000));
  lines.push(...histogram('batch_size', 'Writes in a batch.', writes.batchSizes, label, 1));
  return `${lines.join('\n')}\n`;
}

function histogram(
  name: string,
  help: string,
  { buckets, sum, count }: Histogram,
  label: string,
  unit: number,
): string[] {
  const full = `safe_sqlite_${name}`;
  return [
    `# HELP ${full} ${help}`,
    `# TYPE ${full} histogram`,
    ...buckets.map(({ upTo, count: below }) => `${full}_bucket{${label},le="${upTo / unit}"} ${below}`),
    `${full}_bucket{${label},le="+Inf"} ${count}`,
    `${full}_sum{${label}} ${sum / unit}`,
    `${full}_count{${label}} ${count}`,
  ];
}

function inSeconds(milliseconds: number | null | undefined): number | null {
  return milliseconds === null || milliseconds === undefined ? null : milliseconds / 1000;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
