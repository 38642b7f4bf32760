/** The work of the sentinels of many databases, counted in system calls: one scan of the descriptors serves them all. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Database } from 'safe-sqlite';

const folder = fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-many-'));
after(() => fs.rmSync(folder, { recursive: true, force: true }));
const linux = process.platform === 'linux' ? false : 'needs the /proc of Linux';
const intervalMs = 100;

/** Calls of `fs` by name while `run` runs; scans are listings of the descriptors of this process. */
async function counted(run: () => Promise<void>): Promise<Map<string, number>> {
  const calls = new Map<string, number>();
  const count = (name: string): void => void calls.set(name, (calls.get(name) ?? 0) + 1);
  const names = ['readdirSync', 'readSync', 'fstatSync', 'statSync', 'openSync', 'readFileSync'] as const;
  const originals = names.map(name => [name, fs[name]] as const);
  for (const [name, original] of originals) {
    Reflect.set(fs, name, (...args: unknown[]) => {
      count(name === 'readdirSync' && args[0] === '/proc/self/fd' ? 'scan' : name);
      return Reflect.apply(original, fs, args) as unknown;
    });
  }
  try {
    await run();
  } finally {
    for (const [name, original] of originals) Reflect.set(fs, name, original);
  }
  return calls;
}

test('sixty idle databases: one scan a round for all, and a few calls for a check', { skip: linux }, async () => {
  const databases = Array.from({ length: 60 }, (_, n) => {
    const db = new Database(join(folder, `${n}.db`), { logger: false, sentinel: { intervalMs } });
    db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
    return db;
  });
  const checksOf = (db: Database | undefined): number => db?.health().sentinel?.checks ?? 0;
  const checks = (): number => databases.reduce((sum, db) => sum + checksOf(db), 0);
  /** Until each has been checked so often; asked of one, because `health` itself looks at files. */
  const rounds = async (count: number): Promise<void> => {
    const until = checksOf(databases[0]) + count;
    while (checksOf(databases[0]) < until) await sleep(5 * intervalMs);
  };
  // The first checks learn what they compare with later.
  await rounds(12);
  const before = checks();
  const calls = await counted(() => rounds(25));
  const made = checks() - before;
  const of = (name: string): number => calls.get(name) ?? 0;
  // A survey in ten intervals, whatever the number of databases, and one that had begun before.
  assert.ok(of('scan') >= 1 && of('scan') <= made / 60 / 10 + 2, `${of('scan')} scans in ${made} checks`);
  // The locks of the database and the -shm, and the index.
  assert.ok(of('readSync') <= made * 4, `${of('readSync')} reads in ${made} checks`);
  // A survey reads the flags of each descriptor on a database or its -shm; a check opens nothing.
  const flags = 2 * 60 * of('scan');
  assert.ok(of('openSync') <= flags, `${of('openSync')} files were opened in ${of('scan')} scans`);
  for (const db of databases) db.close();
});
