// Jest gives each test file its own copy of every module, but the native addon is one for the process: the addon
// throws the SqliteError of the copy that was loaded first.
const Database = require('safe-sqlite');
const { SqliteUniqueError } = require('safe-sqlite');

test('a database in memory works and its errors have their class', () => {
  const db = new Database(':memory:');
  db.exec('CREATE TABLE t(a UNIQUE); INSERT INTO t VALUES (1)');
  expect(() => db.exec('INSERT INTO t VALUES (1)')).toThrow(SqliteUniqueError);
  expect(db.prepare('SELECT a FROM t').pluck().get()).toBe(1);
  db.close();
});
