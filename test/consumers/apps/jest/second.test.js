// The second file of the same Jest process: see first.test.js.
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { Database, openDatabase, SqliteCheckError } = require('safe-sqlite');

test('a file works, and errors have the class of this copy of the package', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'safe-sqlite-jest-'));
  const db = openDatabase(path.join(folder, 'app.db'));
  db.exec('CREATE TABLE t(a CHECK (a > 0))');
  let caught;
  try {
    db.exec('INSERT INTO t VALUES (0)');
  } catch (error) {
    caught = error;
  }
  expect(caught).toBeInstanceOf(SqliteCheckError);
  expect(caught).toBeInstanceOf(Database.SqliteError);
  expect(caught.code).toBe('SQLITE_CONSTRAINT_CHECK');
  expect(db.transaction(x => x + 1)(1)).toBe(2);
  db.close();
  fs.rmSync(folder, { recursive: true });
});

test('the process guard is on, also after the modules are loaded again', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'safe-sqlite-jest-'));
  for (const name of ['first.db', 'second.db']) {
    const file = path.join(folder, name);
    const again = require('safe-sqlite');
    const db = new again.Database(file, { logger: false });
    db.exec('CREATE TABLE t(a)');
    expect(() => fs.readFileSync(file)).toThrow(expect.objectContaining({ code: 'SAFE_SQLITE_COPY_CONFLICT' }));
    expect(() => require('fs').readFileSync(file)).toThrow(/db\.backup/);
    db.exec('INSERT INTO t VALUES (1)');
    expect(db.prepare('SELECT count(*) FROM t').pluck().get()).toBe(1);
    db.close();
    expect(fs.readFileSync(file).length).toBeGreaterThan(0);
    jest.resetModules();
  }
  fs.rmSync(folder, { recursive: true });
});
