/** Loops and texts of commits in which no timer of the process comes through: the WAL starts over all the same. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';

type Connection = Pick<Native.Database, 'exec' | 'prepare'>;

const walBytes = 64 * 1024;
// Wine keeps a descriptor of each look at a file with locks on it: 20 000 in a process are the most on many machines.
const commits = process.env['SLOW_TESTS'] === '1' ? 1500 : 6000;
const insert = 'INSERT INTO t VALUES (zeroblob(3000))';

/** A loop of prepared statements, each run once in a turn. */
function inTurns(...sqls: readonly string[]): (db: Connection) => void {
  return db => {
    const statements = sqls.map(sql => db.prepare(sql));
    for (let number = 0; number < commits; number += 1) for (const statement of statements) statement.run();
  };
}

const ways: Readonly<Record<string, (db: Connection) => void>> = {
  'statements that commit by themselves': inTurns(insert),
  'BEGIN and COMMIT by prepared statements': inTurns('BEGIN', insert, 'COMMIT'),
  'SAVEPOINT and RELEASE by prepared statements': inTurns('SAVEPOINT s', insert, 'RELEASE s'),
  'BEGIN and COMMIT by exec'(db) {
    for (let number = 0; number < commits; number += 1) {
      db.exec('BEGIN');
      db.exec(insert);
      db.exec('COMMIT');
    }
  },
  'one text of many statements': db => db.exec(`${insert};\n`.repeat(commits)),
};

/** Bytes of the WAL behind `write`. In memory: the loops are long, and syncs say nothing here. */
function largestWal(
  open: (file: string) => Connection & { close(): unknown },
  write: (db: Connection) => void,
): number {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'loops-'));
  const file = join(folder, 'a.db');
  const db = open(file);
  try {
    db.exec('CREATE TABLE t (a)');
    write(db);
    return statSync(`${file}-wal`).size;
  } finally {
    db.close();
    rmSync(folder, { recursive: true });
  }
}

function openRaw(file: string): Native.Database {
  const db = new Native(file);
  db.pragma('journal_mode = WAL');
  db.pragma('wal_autocheckpoint = 0');
  return db;
}

describe('the WAL starts over in a loop that never yields', () => {
  for (const [way, write] of Object.entries(ways)) {
    test(way, () => {
      const without = largestWal(openRaw, write);
      const checkpoint = { walBytes, truncateAboveBytes: 16 * walBytes };
      const ours = largestWal(file => new Database(file, { logger: false, checkpoint }), write);
      assert.ok(ours < without / 3, `${ours} bytes, without checkpoints ${without}`);
    });
  }
});
