// Run with a resolver that sends requests for better-sqlite3 here.
const Database = require('better-sqlite3');

test('better-sqlite3 is this package, and works', () => {
  expect(Database).toBe(require('safe-sqlite'));
  const db = new Database(':memory:');
  expect(db.prepare('SELECT 1').pluck().get()).toBe(1);
  expect(db.plan.file).toBe(null);
});
