// Databases, writers and programs that the tests of backup, verify and restore share.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, cpSync, existsSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type NativeDatabase from 'better-sqlite3';
import { backup, type BackupContext } from '../../dist/backup/backup.js';
import type { BackupResult, BackupOptions } from '../../dist/backup/options.js';
import { identityOf, Native, require } from '../maintenance/fixture.mts';

export { dist, folder, identityOf, Native, require } from '../maintenance/fixture.mts';

export const alone: BackupContext = { isOpenHere: () => false, isNetwork: () => false };

export function sourceOf(db: NativeDatabase.Database, busyTimeoutMs = 1000) {
  if (db.memory) return { native: db, file: null, identity: null, busyTimeoutMs };
  return { native: db, file: db.name, identity: identityOf(db.name), busyTimeoutMs };
}

export function backUp(
  db: NativeDatabase.Database,
  destination: string,
  options?: BackupOptions,
  context: Partial<BackupContext> = {},
): Promise<BackupResult> {
  return backup(sourceOf(db), destination, options, { ...alone, ...context });
}

/**
 * A bank whose money never grows or shrinks, in two tables that must agree: a copy that mixes two moments shows it.
 * `accounts` are 500 bytes wide, so that the copy takes a while.
 */
export function bank(
  t: Pick<TestContext, 'after'>,
  path: string,
  journal: 'wal' | 'delete',
  accounts = 2000,
): NativeDatabase.Database {
  const db = new Native(path);
  t.after(() => db.close());
  db.pragma(`journal_mode=${journal}`);
  db.exec(`CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL, note BLOB NOT NULL);
    CREATE TABLE transfer (id INTEGER PRIMARY KEY, source INTEGER NOT NULL REFERENCES account, target INTEGER NOT NULL REFERENCES account);
    CREATE TABLE total (transfers INTEGER NOT NULL); INSERT INTO total VALUES (0)`);
  const insert = db.prepare('INSERT INTO account (balance, note) VALUES (100, randomblob(500))');
  db.transaction(() => {
    for (let each = 0; each < accounts; each++) insert.run();
  })();
  return db;
}

/** A closed bank with `transfers` transfers; with `crashed`, its files as a crash leaves them. */
export function closedBank(
  t: Pick<TestContext, 'after'>,
  path: string,
  journal: 'wal' | 'delete',
  transfers: number,
  crashed = false,
): void {
  const work = `${path}.work`;
  const db = bank(t, work, journal, 30);
  if (journal === 'wal') db.pragma('wal_autocheckpoint=0');
  for (let n = 0; n < transfers; n++) {
    db.exec('INSERT INTO transfer (source, target) VALUES (1, 2); UPDATE total SET transfers = transfers + 1');
  }
  if (crashed && journal === 'delete') {
    // A hot journal: the transaction has spilled into the database and is not committed.
    db.pragma('cache_size=1');
    db.pragma('cache_spill=1');
    db.exec('BEGIN IMMEDIATE; UPDATE account SET balance = balance + 1, note = randomblob(500)');
  }
  if (!crashed) db.close();
  for (const suffix of ['', '-wal', '-journal'])
    if (existsSync(work + suffix)) copyFileSync(work + suffix, path + suffix);
  if (crashed) db.close();
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(work + suffix, { force: true });
}

/** Checks the invariant of a {@link bank} in a file, and returns how many transfers it has. */
export function assertBank(path: string, accounts = 2000): number {
  const db = new Native(path, { readonly: true });
  try {
    const [row] = db
      .prepare(
        'SELECT count(*) AS accounts, sum(balance) AS money, (SELECT count(*) FROM transfer) AS transfers, (SELECT transfers FROM total) AS counted FROM account',
      )
      .all() as { accounts: number; money: number; transfers: number; counted: number }[];
    assert.ok(row);
    assert.deepEqual([row.accounts, row.money, row.transfers], [accounts, accounts * 100, row.counted]);
    assert.deepEqual(db.pragma('integrity_check'), [{ integrity_check: 'ok' }]);
    return row.transfers;
  } finally {
    db.close();
  }
}

/** A process that moves money in a {@link bank} every `everyMs`, and says each time that it did. */
export async function startWriter(
  t: Pick<TestContext, 'after'>,
  path: string,
  everyMs: number,
): Promise<{ commits: () => number; stop: () => Promise<void> }> {
  const child = spawn(process.execPath, [
    '-e',
    `const db = new (require(${JSON.stringify(require.resolve('better-sqlite3'))}))(${JSON.stringify(path)}, { timeout: 10000 });
     db.pragma('synchronous=OFF');
     const id = () => 1 + Math.floor(Math.random() * 2000);
     const move = db.transaction((a, b) => {
       db.prepare('UPDATE account SET balance = balance - 1 WHERE id = ?').run(a);
       db.prepare('INSERT INTO transfer (source, target) VALUES (?, ?)').run(a, b);
       db.prepare('UPDATE account SET balance = balance + 1 WHERE id = ?').run(b);
       db.prepare('UPDATE total SET transfers = transfers + 1').run();
     });
     setInterval(() => { move.immediate(id(), id()); process.stdout.write('.'); }, ${everyMs});`,
  ]);
  t.after(() => child.kill('SIGKILL'));
  let commits = 0;
  child.stdout.on('data', (data: Buffer) => (commits += data.length));
  child.stderr.pipe(process.stderr);
  await once(child.stdout, 'data');
  return { commits: () => commits, stop: () => stopChild(child) };
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

/** Names in a folder, sorted. */
export function names(path: string): string[] {
  return readdirSync(path).toSorted();
}

/**
 * Copies the folder of a database, as `cp -r` does, some milliseconds after its `-backup-id` was written: what was born in
 * the same millisecond has the same birth time.
 */
export function copyFolder(from: string, to: string): void {
  const born = (path: string): number => Math.floor(statSync(join(path, 'app.db-backup-id')).birthtimeMs);
  do {
    rmSync(to, { recursive: true, force: true });
    cpSync(from, to, { recursive: true });
  } while (born(from) === born(to));
}
