/** The door for SQL: what was harmless when it was prepared need not be when it runs. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import Database, { UnsafeStatementError } from 'safe-sqlite';

const folder = mkdtempSync(join(tmpdir(), 'sql-door-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const pragmas = ['locking_mode = EXCLUSIVE', 'journal_mode = OFF', 'synchronous = OFF', 'mmap_size = 1000000'];

for (const pragma of pragmas) {
  test(`PRAGMA ${pragma}, prepared in memory, does not reach a file that is attached later`, () => {
    using db = new Database(':memory:', { logger: false });
    const statement = db.prepare(`PRAGMA ${pragma}`);
    const run = (): unknown => (statement.reader ? statement.all() : statement.run());
    run();
    db.attach(join(folder, `${pragma.split(' ')[0]}.db`), 'other');
    assert.throws(run, UnsafeStatementError);
    const ask = (name: string): unknown => db.pragma(`other.${name}`, { simple: true });
    assert.deepEqual(
      [ask('locking_mode'), ask('journal_mode'), ask('synchronous'), ask('mmap_size')],
      ['normal', 'delete', 3, 0],
    );
    db.detach('other');
    run();
  });
}
