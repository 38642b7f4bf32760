/** Tests that calls of `fs` fail as without the guard where it cannot look: in a deleted working directory, by a filter that throws. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const root = join(import.meta.dirname, '../..');
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-guard-deleted-')));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Says of each call how it fails: by a throw, by its callback, by its promise, by its stream. */
const program = `
  const fs = require('node:fs');
  const { join } = require('node:path');
  const [name, place, options] = process.argv.slice(1);
  const db = require(name)(join(place, 'tree', 'app.db'), JSON.parse(options));
  const gone = fs.mkdtempSync(join(place, 'tree', 'gone-'));
  const said = {};
  const lines = error => error === null ? 'done' : error.code + ' ' + error.message;
  const started = (label, run) => {
    try { return run(); } catch (error) { said[label] = 'throws ' + lines(error); }
  };
  const byPromise = (label, run) =>
    started(label, () => run().then(() => (said[label] = 'done'), error => (said[label] = 'rejects ' + lines(error))));
  const byCallback = (label, run) =>
    new Promise(resolve => {
      started(label, () => run(error => { said[label] = 'calls back ' + lines(error); resolve(); }));
      if (label in said) resolve();
    });
  const wait = [];
  process.chdir(gone);
  fs.rmdirSync(gone);
  const other = join(place, 'other');
  started('readFileSync', () => fs.readFileSync('x'));
  wait.push(
    byCallback('readFile', done => fs.readFile('x', done)),
    byCallback('open', done => fs.open('x', 'r', done)),
    byCallback('stream', done => fs.createReadStream('x').on('error', done)),
    byCallback('above', done => fs.readFile('../none', done)),
    byPromise('promises.readFile', () => fs.promises.readFile('x')),
    byPromise('promises.writeFile', () => fs.promises.writeFile('x', '')),
    byPromise('promises.copyFile', () => fs.promises.copyFile('x', other)),
    byPromise('promises.rename', () => fs.promises.rename('x', other)),
    byPromise('promises.rm', () => fs.promises.rm('x')),
    byPromise('promises.unlink', () => fs.promises.unlink('x')),
    byPromise('promises.cp', () => fs.promises.cp('x', other, { recursive: true })),
    byPromise('promises.cp, filter', () =>
      fs.promises.cp(join(place, 'tree'), other, { recursive: true, filter: from => {
        if (from.includes('.db')) throw Object.assign(new Error('of the filter'), { code: 'FILTER' });
        return true;
      } })),
  );
  Promise.all(wait).then(async () => {
    let refused = [];
    if (name === 'safe-sqlite') {
      // By the name of the database, which the kernel still finds above a deleted folder.
      await fs.promises.readFile('../app.db').catch(error => refused.push(error.code));
      db.exec('CREATE TABLE IF NOT EXISTS t (a)');
    }
    db.close();
    console.log(JSON.stringify({ said, refused }));
  });
`;

function run(name: string, options: object): { said: Record<string, string>; refused: string[] } {
  const place = join(folder, name);
  mkdirSync(place);
  mkdirSync(join(place, 'tree'));
  const done = spawnSync(process.execPath, ['-e', program, name, place, JSON.stringify(options)], {
    cwd: root,
    encoding: 'utf8',
  });
  assert.equal(done.status, 0, done.stderr);
  return JSON.parse(done.stdout.replaceAll(place, '/place')) as ReturnType<typeof run>;
}

const noDeletion = process.platform === 'win32' ? 'Windows deletes no working directory' : false;

test(
  'each call fails in its own manner, as on better-sqlite3, and the guard still refuses the database',
  { skip: noDeletion },
  () => {
    const raw = run('better-sqlite3', {});
    const ours = run('safe-sqlite', { logger: false });
    assert.deepEqual(ours.said, raw.said);
    assert.equal(Object.keys(raw.said).length, 13);
    assert.match(raw.said['promises.readFile'] ?? '', /^rejects ENOENT .*open 'x'$/);
    assert.match(raw.said['promises.cp, filter'] ?? '', /^rejects FILTER/);
    if (process.platform === 'linux') assert.deepEqual(ours.refused, ['SAFE_SQLITE_COPY_CONFLICT']);
  },
);
