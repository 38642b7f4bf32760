// The cases that each runner runs in two files: the same application, once beside real timers and once beside replaced ones.
const fs = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');

async function exercise({ openDatabase, verifyDatabase }) {
  const folder = fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-runner-'));
  const db = openDatabase(join(folder, 'app.db'), { logger: false });
  db.exec('CREATE TABLE notes (text UNIQUE)');
  const insert = db.prepare('INSERT INTO notes VALUES (?)');
  await Promise.all(['one', 'two'].map(text => db.write(() => insert.run(text))));
  const { code } = await db.write(() => insert.run('one')).catch(error => error);
  const { complete } = await db.checkpoint();
  const { verified, path } = await db.backup(join(folder, 'backup.db'));
  const { ok } = await verifyDatabase(path);
  const rows = db.prepare('SELECT count(*) FROM notes').pluck().get();
  const { thread } = db.health().jobs;
  db.close();
  fs.rmSync(folder, { recursive: true });
  return [rows, code, complete, verified, ok, thread];
}

exports.exercise = exercise;
exports.expected = [2, 'SQLITE_CONSTRAINT_UNIQUE', true, 'quick', true, 'worker'];

/** Left open, with a name of its own, as tests leave things. */
exports.forget = ({ openDatabase }) => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'safe-sqlite-forgotten-'));
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
  openDatabase(join(folder, 'app.db'), { logger: false }).exec('CREATE TABLE notes (text)');
};
