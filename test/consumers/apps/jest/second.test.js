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
