/** The ways to change the files of an open database past SQLite, and what becomes of a connection behind each. */
import { execFileSync } from 'node:child_process';
import { closeSync, copyFileSync, mkdtempSync, openSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';

/** `'this process'`: from a thread of its own, whose descriptors are those of the process; its locks go, too. */
export const writers = ['another process', 'this process'] as const;
/**
 * `'idle'`: the application does nothing until the next look. `'writing'`: it commits right behind the change.
 * `'checkpoint'`: a checkpoint is requested right after it.
 */
export const moments = ['idle', 'writing', 'checkpoint'] as const;

export interface Change {
  readonly file: 'database' | '-wal' | '-shm';
  readonly name: string;
  /** A shell script; `$1` is the database, `$2` an older backup of it, `$3` another database, `$4` an older -wal. */
  readonly script: string;
  /** The same with `fs`, in the process that has the database open; not every change has one. */
  readonly here?: (paths: { readonly file: string; readonly backup: string; readonly oldWal: string }) => void;
}

const change = (file: Change['file'], name: string, script: string, here?: Change['here']): Change => ({
  file,
  name,
  script,
  ...(here === undefined ? {} : { here }),
});

/** Which writers can make a change. */
export function writersOf({ here }: Change): readonly (typeof writers)[number][] {
  return here === undefined ? ['another process'] : writers;
}

function writeAt(path: string, bytes: number, position: number): void {
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(bytes), 0, bytes, position);
  closeSync(fd);
}

export const changes: readonly Change[] = [
  change('database', 'cp of an older backup', 'cp "$2" "$1"', ({ file, backup }) => copyFileSync(backup, file)),
  change('database', 'cp -p of an older backup', 'cp -p "$2" "$1"'),
  change('database', 'cp of an older backup, with its size made equal', 'cp "$2" "$1"; truncate -s "$SIZE" "$1"'),
  change('database', 'cp of another database', 'cp "$3" "$1"'),
  change('database', 'cp of another database, and its old time set again', 'cp "$3" "$1"; touch -d "@$MTIME" "$1"'),
  change('database', 'truncate to nothing', 'truncate -s 0 "$1"', ({ file }) => truncateSync(file)),
  change('database', 'truncate to half', 'truncate -s "$HALF" "$1"'),
  change('database', 'zeros over the first page', 'dd if=/dev/zero of="$1" bs=4096 count=1 conv=notrunc 2>/dev/null'),
  change(
    'database',
    'zeros over a page in the middle',
    'dd if=/dev/zero of="$1" bs=4096 seek=17 count=1 conv=notrunc 2>/dev/null',
    ({ file }) => writeAt(file, 4096, 17 * 4096),
  ),
  change(
    'database',
    'one byte in the middle of a page',
    'printf "!" | dd of="$1" bs=1 seek=86321 conv=notrunc 2>/dev/null',
  ),
  change(
    'database',
    'another page in the middle, and the old time set again (rsync --inplace -t)',
    'dd if="$1" of="$1" bs=4096 skip=11 seek=20 count=1 conv=notrunc 2>/dev/null; touch -d "@$MTIME" "$1"',
  ),
  change('database', 'bytes appended', 'dd if=/dev/zero bs=4096 count=3 2>/dev/null >> "$1"'),
  change('database', 'an editor that writes the file in place', 'printf "hello" > "$1"'),
  change('-wal', 'cp of an older -wal', 'cp "$4" "$1-wal"', ({ file, oldWal }) => copyFileSync(oldWal, `${file}-wal`)),
  change('-wal', 'cp of nothing', 'cp /dev/null "$1-wal"'),
  change('-wal', 'truncate to nothing', 'truncate -s 0 "$1-wal"', ({ file }) => truncateSync(`${file}-wal`)),
  change('-wal', 'truncate of the last byte of its frames', 'truncate -s "$WALCUT" "$1-wal"'),
  change('-wal', 'zeros over all of it', 'dd if=/dev/zero of="$1-wal" bs="$WALSIZE" count=1 conv=notrunc 2>/dev/null'),
  change('-shm', 'truncate to nothing', 'truncate -s 0 "$1-shm"'),
];

export interface Outcome {
  /** Commits that were acknowledged behind the change. */
  readonly acknowledged: number;
  readonly error: string | null;
  readonly noticedMs: number | null;
  readonly events: readonly string[];
  readonly checkpoints: number;
  /** What the rescued copy holds; null where there is none. */
  readonly rescued: string | null;
  readonly afterwards: string;
}

export const intervalMs = 100;

export async function tryChange(
  kind: 'raw' | 'ours',
  { change, writer, moment, folder }: { change: Change; writer: string; moment: string; folder: string },
): Promise<Outcome> {
  const place = mkdtempSync(join(folder, 'change-'));
  const file = join(place, 'app.db');
  const [backup, other, oldWal] = ['backup.db', 'other.db', 'old-wal'].map(name => join(place, name)) as [
    string,
    string,
    string,
  ];
  const ours =
    kind === 'raw' ? null : new Database(file, { logger: false, processGuard: 'off', sentinel: { intervalMs } });
  const db: Native.Database = ours ?? new Native(file);
  db.pragma('journal_mode = WAL');
  db.pragma('wal_autocheckpoint = 0');
  db.exec('CREATE TABLE t(a, b); CREATE INDEX i ON t(b)');
  const insert = db.prepare('INSERT INTO t VALUES (?, ?)');
  const fill = (rows: number): void => {
    db.exec('BEGIN');
    for (let row = 0; row < rows; row++) insert.run('x'.repeat(100), (row * 7919) % 1000);
    db.exec('COMMIT');
  };
  fill(300);
  copyFileSync(`${file}-wal`, oldWal);
  db.exec(`VACUUM INTO '${backup}'`);
  db.pragma('wal_checkpoint(TRUNCATE)');
  fill(900);
  db.pragma('wal_checkpoint(PASSIVE)');
  fill(3);
  const stranger = new Native(other);
  stranger.exec('CREATE TABLE other(x); INSERT INTO other VALUES (1)');
  stranger.close();
  const events: string[] = [];
  let checkpoints = 0;
  let rescued: string | null = null;
  if (ours !== null) {
    ours.events.on('fileReplaced', event => {
      events.push('fileReplaced');
      rescued = event.rescued;
    });
    ours.events.on('locksLost', event => {
      events.push('locksLost');
      rescued = event.rescued;
    });
    ours.events.on('fenced', () => void events.push('fenced'));
    ours.events.on('checkpoint', () => void (checkpoints += 1));
  }
  // The state before is looked at once, as it is in any program that runs for more than an interval.
  await sleep(3 * intervalMs);
  const { size, mtimeMs } = statSync(file);
  const [{ log: frames }] = db.pragma('wal_checkpoint(NOOP)') as [{ log: number }];
  if (writer === 'this process') change.here?.({ file, backup, oldWal });
  else
    execFileSync('sh', ['-ec', change.script, 'sh', file, backup, other, oldWal], {
      env: {
        ...process.env,
        SIZE: `${size}`,
        HALF: `${Math.floor(size / 8192) * 4096}`,
        MTIME: `${mtimeMs / 1000}`,
        WALSIZE: `${statSync(`${file}-wal`).size}`,
        WALCUT: `${32 + frames * (24 + 4096) - 1}`,
      },
    });
  checkpoints = 0;
  const changedAt = performance.now();
  let acknowledged = 0;
  let error: string | null = null;
  if (moment === 'idle') await sleep(3 * intervalMs);
  // Raw better-sqlite3 copies what it finds.
  if (moment === 'checkpoint' && ours === null) tryCheckpoint(db);
  if (moment === 'checkpoint') await ours?.checkpoint().catch((thrown: unknown) => (error = codeOf(thrown)));
  const noticedMs = events.length > 0 ? performance.now() - changedAt : null;
  for (let row = 0; row < 20 && error === null; row++) {
    try {
      insert.run(row, row);
      acknowledged += 1;
    } catch (thrown) {
      error = codeOf(thrown);
    }
  }
  try {
    db.close();
  } catch {
    // What is left of it is looked at below.
  }
  const copy = rescued === null ? null : contentOf(rescued);
  return { acknowledged, error, noticedMs, events, checkpoints, rescued: copy, afterwards: soundness(file) };
}

function codeOf(thrown: unknown): string {
  return String(Reflect.get(thrown as object, 'code'));
}

function tryCheckpoint(db: Native.Database): void {
  try {
    db.pragma('wal_checkpoint(PASSIVE)');
  } catch {
    // The commits after it are what counts.
  }
}

/** Of the 1203 rows that were committed. */
function contentOf(path: string): string {
  try {
    const db = new Native(path);
    try {
      const rows = String(db.prepare('SELECT count(*) FROM t NOT INDEXED').pluck().get());
      return `${rows} of 1203 rows, ${db.pragma('integrity_check(1)', { simple: true }) === 'ok' ? 'sound' : 'broken'}`;
    } finally {
      db.close();
    }
  } catch {
    return 'not readable';
  }
}

function soundness(file: string): string {
  try {
    const db = new Native(file);
    try {
      return String(db.pragma('integrity_check(1)', { simple: true }));
    } finally {
      db.close();
    }
  } catch (error) {
    return String(Reflect.get(error as object, 'code'));
  }
}
