const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { openDatabase } = require('safe-sqlite');

// Its first checkpoint comes after the tests of this file have ended, when Jest loads no module any more.
test('left open with a WAL to copy', () => {
  const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-runner-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const db = openDatabase(join(folder, 'app.db'), { logger: false });
  db.exec('CREATE TABLE notes (text)');
  const insert = db.prepare('INSERT INTO notes VALUES (randomblob(4000))');
  db.transaction(() => {
    for (let row = 0; row < 3000; row += 1) insert.run();
  })();
});
