/** Files with a rollback journal that are changed past SQLite: what SQLite notices itself, what ours adds, and what stays unseen. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { Database } from 'safe-sqlite';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-rollback-')));
after(() => rmSync(folder, { recursive: true, force: true }));
const posix = process.platform === 'win32' ? 'needs a POSIX shell' : false;
let count = 0;

interface Outcome {
  /** Commits behind the change. */
  readonly acknowledged: number;
  readonly code: unknown;
  /** Whether `verify` finds the file damaged; null where the connection is refused. */
  readonly damaged: boolean | null;
}

async function behind(kind: 'raw' | 'ours', script: string): Promise<Outcome> {
  const file = join(folder, `${count++}.db`);
  const db: Native.Database | Database =
    kind === 'raw' ? new Native(file) : new Database(file, { logger: false, journalMode: 'rollback' });
  db.exec('CREATE TABLE t(a, b); CREATE INDEX i ON t(b)');
  db.exec('BEGIN');
  const text = 'INSERT INTO t VALUES (?, ?)';
  const insert = db instanceof Database ? db.prepare(text) : db.prepare(text);
  for (let row = 0; row < 900; row++) insert.run('x'.repeat(100), row);
  db.exec('COMMIT');
  execFileSync('sh', ['-c', script, 'sh', file]);
  let acknowledged = 0;
  let code: unknown = null;
  try {
    for (; acknowledged < 20; acknowledged++) insert.run('y', 1);
  } catch (error) {
    code = Reflect.get(error as object, 'code');
  }
  const damaged = code === null && db instanceof Database ? !(await db.verify('full')).ok : null;
  db.close();
  return { acknowledged, code, damaged };
}

const cut = 'SAFE_SQLITE_FILE_REPLACED';
const cases: Readonly<Record<string, readonly [script: string, raw: string | null, ours: string | null]>> = {
  'truncate to half': ['truncate -s "$(($(wc -c < "$1") / 8192 * 4096))" "$1"', 'SQLITE_CORRUPT', 'SQLITE_CORRUPT'],
  'zeros over the first page': [
    'dd if=/dev/zero of="$1" bs=4096 count=1 conv=notrunc 2>/dev/null',
    'SQLITE_NOTADB',
    'SQLITE_NOTADB',
  ],
  'an editor that writes the file in place': ['printf hello > "$1"', 'SQLITE_NOTADB', cut],
  'truncate to nothing': [': > "$1"', 'SQLITE_ERROR', cut],
  'zeros over a page in the middle': [
    'dd if=/dev/zero of="$1" bs=4096 seek=17 count=1 conv=notrunc 2>/dev/null',
    null,
    null,
  ],
};

describe('a file with a rollback journal, changed underneath', { skip: posix }, () => {
  for (const [name, [script, raw, ours]] of Object.entries(cases)) {
    test(name, async () => {
      const [one, other] = [await behind('raw', script), await behind('ours', script)];
      assert.deepEqual([one.code, other.code], [raw, ours]);
      // Each transaction asks the size and the first page of the file anew, so that SQLite itself refuses.
      assert.equal(other.acknowledged, ours === null ? 20 : 0);
      if (ours === null) assert.equal(other.damaged, true, 'verify finds what no transaction reads');
    });
  }
});
