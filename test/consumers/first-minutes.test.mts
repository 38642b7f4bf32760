/** Follows a new user through the first ten minutes, by the letter of README.md and docs/getting-started.md. */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { install } from '../../scripts/pack.mjs';
import { readPage } from '../contract/page.mts';
import { blocksIn } from '../docs/page.mts';
import { node, npmInstall, registrySkip, tarball } from './program.mts';

const [raw, ours, installing, app, commands, diff, server, look, doctor, ...rest] = blocksIn(readPage('README.md'));
const text = (block: { readonly text: string } | undefined): string => block?.text ?? '';
/** The name that the first line of a program asks for. */
const nameOf = (block: { readonly text: string } | undefined): string => /^\/\/ (\S+)$/m.exec(text(block))?.[1] ?? '';

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as { port: number };
  probe.close();
  return port;
}

describe('the first ten minutes', { skip: process.platform === 'win32' && 'the README speaks POSIX shell' }, () => {
  let folder = '';
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'first-minutes-'));
    if (registrySkip === false) npmInstall(folder);
    else install(tarball, folder);
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const sh = (line: string): string => {
    // What npm makes of `bin` when it installs; without the registry the package is only laid out.
    const bin = `${folder}/node_modules/safe-sqlite/dist/cli/bin.js`;
    const runnable = registrySkip === false ? line : line.replace(/^npx safe-sqlite /, `node ${bin} `);
    const path = `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}`;
    return execFileSync('sh', ['-c', runnable], { cwd: folder, encoding: 'utf8', env: { ...process.env, PATH: path } });
  };

  test('the README has these blocks, and one more for those who work on the project', () => {
    const languages = [installing, app, commands, diff, server, look, doctor].map(block => block?.language);
    assert.deepEqual(languages, ['sh', 'js', 'sh', 'diff', 'js', 'js', 'sh']);
    assert.equal(rest.length, 1);
  });

  test('the recording is what better-sqlite3 and this library print', () => {
    const place = join(folder, 'recording');
    for (const block of [raw, ours]) {
      rmSync(place, { recursive: true, force: true });
      mkdirSync(place);
      const crash = `const db = new (require('better-sqlite3'))('app.db'); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)');
        db.pragma('wal_checkpoint(TRUNCATE)'); for (let row = 0; row < 3; row++) db.exec('INSERT INTO t VALUES (1)'); process.kill(process.pid, 'SIGKILL')`;
      spawnSync(process.execPath, ['-e', crash], { cwd: place });
      for (const name of ['app.db', 'app.db-shm']) rmSync(join(place, name), { force: true });
      const [, ...parts] = text(block).split(/^\$ /m);
      for (const part of parts) {
        const [command = '', ...printed] = part.trimEnd().split('\n');
        const path = `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}`;
        const out = execFileSync('sh', ['-c', command], {
          cwd: place,
          encoding: 'utf8',
          env: { ...process.env, PATH: path },
        });
        // SQLite makes the other files anew; where the database stands differs.
        assert.equal(out.replaceAll(place, '/srv').trimEnd(), printed.join('\n'));
      }
    }
  });

  test('docs/getting-started.md installs it as README.md does', () => {
    assert.equal(text(installing), 'npm install safe-sqlite better-sqlite3\n');
    assert.equal(text(blocksIn(readPage('docs/getting-started.md'))[0]), text(installing));
  });

  test('the program, then each command', () => {
    writeFileSync(join(folder, nameOf(app)), text(app));
    const [run = '', ...others] = text(commands).trim().split('\n');
    assert.match(sh(run), /name: 'Ada'/);
    assert.equal(existsSync(join(folder, 'app.db-wal')), false, 'closed at exit');
    assert.equal(others.length, 2);
    for (const line of others) assert.notEqual(sh(line), '', line);
    assert.equal(existsSync(join(folder, 'backup.db')), true);
  });

  test('a program of better-sqlite3 after the change of its import', () => {
    const lines = text(diff).trimEnd().split('\n');
    const old = lines.filter(line => !line.startsWith('+')).map(line => line.slice(1));
    const changed = lines.filter(line => !line.startsWith('-')).map(line => line.slice(1));
    const tail = `db.exec('CREATE TABLE IF NOT EXISTS moved (a)'); console.log(db.pragma('journal_mode', { simple: true }));`;
    const outcome = [old, changed].map((program, index) => {
      writeFileSync(join(folder, `moved-${index}.mjs`), [...program, tail].join('\n'));
      return node(folder, `moved-${index}.mjs`).trim();
    });
    assert.deepEqual(outcome, ['wal', 'wal']);
  });

  test('the server stores what it answered, and nothing stays behind at a signal', async () => {
    writeFileSync(join(folder, nameOf(server)), text(server));
    const port = await freePort();
    const child = spawn(process.execPath, [nameOf(server)], {
      cwd: folder,
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const get = async (path: string): Promise<string> => {
      for (;;) {
        try {
          return await (await fetch(`http://127.0.0.1:${port}${path}`)).text();
        } catch (error) {
          if (child.exitCode !== null) throw error;
          await setTimeout(20);
        }
      }
    };
    await get('/first');
    assert.deepEqual(await Promise.all(['/a', '/b', '/c'].map(get)), ['stored\n', 'stored\n', 'stored\n']);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const count = `import { Database } from 'safe-sqlite'; console.log(new Database('hits.db').prepare('SELECT count(*) FROM hits').pluck().get());`;
    writeFileSync(join(folder, 'count.mjs'), count);
    assert.equal(node(folder, 'count.mjs'), '4\n');
  });

  test('what it shows', () => {
    writeFileSync(join(folder, nameOf(look)), text(look));
    const printed = node(folder, nameOf(look));
    for (const part of [/journalMode: 'wal'/, /status: '(?:ok|degraded)'/, /^safe_sqlite_up\{database="main"\} 1$/m]) {
      assert.match(printed, part);
    }
  });

  test('the doctor reports on it', () => {
    // 3: only warnings, for example of a machine whose disk has no journal.
    const report = sh(`${text(doctor).split('#')[0]?.trim() ?? ''} || test $? -eq 3`);
    assert.match(report, /^As it should be:$/m);
  });

  test('leaves only databases and what the user wrote', () => {
    const left = readdirSync(folder).filter(name => !/\.mjs$|^node_modules$|^package(-lock)?\.json$/.test(name));
    assert.deepEqual(left.filter(name => name !== 'recording').toSorted(), ['app.db', 'backup.db', 'hits.db']);
    assert.ok(readFileSync(join(folder, 'app.db')).subarray(0, 15).equals(Buffer.from('SQLite format 3')));
  });
});
