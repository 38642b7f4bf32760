// Checks that backup, restore, verify and doctor give one file the same verdict, name what was not checked, and show how far they are.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { fileCommands } from '../../dist/base/file-commands.js';
import { main } from '../../dist/cli/main.js';
import { readingBar } from '../../dist/cli/progress-bar.js';
import { bank, closedBank, folder, names, Native } from '../backup/fixture.mts';
import { holding } from '../doctor/check-input.mts';
import { until } from '../support/until.mts';

const wiped = '\r\u001b[K';

async function run(line: readonly string[], isInteractive = false) {
  const said = { out: '', err: '' };
  const code = await main(line, {
    out: text => void (said.out += text),
    err: text => void (said.err += text),
    isInteractive,
    hasColours: false,
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

describe('one file has one verdict', () => {
  const states: Record<string, { make: (t: TestContext, file: string) => void; verdict: string; sound: boolean }> = {
    'an empty file': { make: (_t, file) => writeFileSync(file, ''), verdict: 'empty-database', sound: true },
    'a file without its last pages': {
      make(t, file) {
        closedBank(t, file, 'delete', 1);
        truncateSync(file, statSync(file).size - 2 * 4096);
      },
      verdict: 'cut-off',
      sound: false,
    },
    'a file without the end of its last page': {
      make(t, file) {
        closedBank(t, file, 'delete', 1);
        truncateSync(file, statSync(file).size - 100);
      },
      verdict: 'cut-off',
      sound: false,
    },
    'a -wal without its database': {
      make(t, file) {
        closedBank(t, `${file}.other`, 'wal', 7, true);
        copyFileSync(`${file}.other-wal`, `${file}-wal`);
      },
      verdict: 'orphaned-journal',
      sound: false,
    },
  };
  for (const [title, { make, verdict, sound }] of Object.entries(states)) {
    test(title, async t => {
      const home = folder(t);
      const file = join(home, 'app.db');
      make(t, file);
      mkdirSync(join(home, 'out'));
      for (const line of [
        ['verify', file],
        ['backup', file, join(home, 'out', 'copy.db')],
        ['restore', file, join(home, 'out', 'restored.db')],
        ['doctor', file],
      ]) {
        const { code, out, err } = await run(line);
        const [command = ''] = line;
        assert.match(
          `${out}${err}`.replaceAll(/\s+/g, ' '),
          new RegExp(`(?:PROBLEM|WARNING) \\(${verdict}\\)`),
          line.join(' '),
        );
        // An empty file is a database without a table, and as a backup the trace of a failed copy.
        assert.equal(code, sound && command !== 'restore' ? 3 : 1, line.join(' '));
      }
      assert.deepEqual(names(join(home, 'out')), sound ? ['copy.db'] : [], 'only what is sound is copied');
    });
  }
});

test('damage that SQLite lists in a hundred lines is one sentence', async t => {
  const home = folder(t);
  const file = join(home, 'app.db');
  bank(t, file, 'delete', 2000).close();
  const pages = readFileSync(file);
  // The root of a table of many pages: none of them is reached any more.
  const db = new Native(file);
  const root = Number(db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'account'").pluck().get());
  db.close();
  pages.fill(0, (root - 1) * 4096, root * 4096);
  pages[(root - 1) * 4096] = 13;
  writeFileSync(file, pages);
  for (const line of [
    ['backup', file, join(home, 'copy.db'), '--method', 'online'],
    ['restore', file, join(home, 'restored.db')],
  ]) {
    const { code, err } = await run(line);
    assert.equal(code, 1);
    const [sentence = ''] = err.split('\n');
    assert.match(sentence, /is not sound: .*; .*; .*; and \d+ more\.$/);
    assert.doesNotMatch(sentence, /\\n|\*\*\*/);
  }
});

test('the message about a bad backup names a backup: nothing was changed, and the others lie beside it', async t => {
  const home = folder(t);
  const database = join(home, 'app.db');
  closedBank(t, database, 'delete', 1);
  mkdirSync(join(home, 'backups'));
  const bad = join(home, 'backups', 'bad.db');
  const content = readFileSync(database);
  const next = fileCommands.listByTime(join(home, 'backups'));
  writeFileSync(bad, '');
  const { code, err } = await run(['restore', bad, database]);
  assert.equal(code, 1);
  assert.match(err.replaceAll(/\s+/g, ' '), /do: Nothing was changed\. Restore another backup/);
  // The advice for an empty database would be to restore a backup: this is one.
  assert.doesNotMatch(err, /newest backup/);
  assert.ok(err.endsWith(`\nNext: ${next}\n`), err);
  writeFileSync(bad, content.subarray(0, -4096));
  const { out } = await run(['restore', bad, join(home, 'new.db'), '--json']);
  assert.equal((JSON.parse(out) as { next: string }).next, next);
  assert.deepEqual(readFileSync(database), content);
  assert.deepEqual(names(home), ['app.db', 'backups']);
});

test('a database that is open is named to the doctor, which names the process', async t => {
  const home = folder(t);
  const from = join(home, 'from.db');
  const open = join(home, 'open.db');
  closedBank(t, from, 'delete', 1);
  closedBank(t, open, 'delete', 1);
  const holder = await holding(t, open, `const db = new Native(file); db.exec('BEGIN IMMEDIATE')`);
  for (const line of [
    ['backup', from, open, '--overwrite'],
    ['restore', from, open],
  ]) {
    const { code, err } = await run(line);
    assert.equal(code, 1);
    assert.ok(err.endsWith(`\nNext: npx safe-sqlite doctor ${open}\n`), err);
  }
  const { out } = await run(['doctor', open, '--no-check']);
  // Windows tells that a program has it open, and not which.
  assert.match(out, process.platform === 'win32' ? /A program has it open/ : new RegExp(`Process ${holder.pid} `));
});

test('an error of a backup or a restore is explained with what to do for each of its causes', async () => {
  for (const code of ['SAFE_SQLITE_BACKUP_FAILED', 'SAFE_SQLITE_RESTORE_FAILED']) {
    const { out } = await run(['explain', code]);
    for (const cause of [/--overwrite/, /mkdir -p/, /names the process/, /df -h/, /verify/]) assert.match(out, cause);
  }
});

test('verify, backup and restore name what could not be checked, and what was', async t => {
  const home = folder(t);
  const file = join(home, 'app.db');
  const db = new Native(file);
  db.function('up', { deterministic: true }, (text: unknown) => String(text).toUpperCase());
  db.exec(`CREATE TABLE plain (x); INSERT INTO plain VALUES (1);
    CREATE TABLE t (x, y TEXT NOT NULL GENERATED ALWAYS AS (up(x)) VIRTUAL); INSERT INTO t (x) VALUES ('a')`);
  db.close();
  for (const line of [
    ['verify', file, '--full'],
    ['backup', file, join(home, 'copy.db')],
    ['restore', join(home, 'copy.db'), join(home, 'restored.db')],
  ]) {
    const { code, out, err } = await run(line);
    assert.deepEqual([code, err], [0, ''], line.join(' '));
    assert.match(out, /^ {2}checked: partial/m, line.join(' '));
    assert.match(out, /^ {4}left out: .*up\(\)/m, line.join(' '));
  }
  // One verdict: the doctor does not report a full check of what it could not check.
  for (const depth of ['--full', '--backups=.']) {
    const { out } = await run(['doctor', file, depth]);
    assert.match(out, /the pages were checked in part \(why: below\)/);
    assert.doesNotMatch(out, /(?:integrity|quick)_check read every page|every page was checked/);
    assert.match(out, /^ {2}- what needs functions of the application \(integrity\):[^]*up\(\)/m);
  }
  // A method that was named is kept, and what to do is said.
  const named = await run(['backup', file, join(home, 'named.db'), '--method', 'vacuum-into']);
  assert.equal(named.code, 1);
  assert.match(named.err.replaceAll(/\s+/g, ' '), /no such function: up.*--method online/);
  assert.doesNotMatch(named.err, /migration/);
  // Where everything was checked nothing is said of it.
  closedBank(t, join(home, 'plain.db'), 'delete', 1);
  const { out } = await run(['verify', join(home, 'plain.db'), '--full']);
  assert.doesNotMatch(out, /left out|checked:/);
});

describe('how far it is', () => {
  test('restore draws a bar on a terminal while it copies, and wipes it; a log file gets none', async t => {
    const home = folder(t);
    const [from, to] = [join(home, 'backup.db'), join(home, 'app.db')];
    bank(t, from, 'delete', 2000).close();
    const { code, out, err } = await run(['restore', from, to], true);
    assert.equal(code, 0);
    assert.match(err, /Copying \[[#-]{30}\] +\d+ %/);
    assert.ok(err.endsWith(wiped), JSON.stringify(err.slice(-20)));
    assert.doesNotMatch(out, /Copying/);
    assert.equal((await run(['restore', from, to])).err, '');
  });

  test('restore that fails leaves no bar', async t => {
    const home = folder(t);
    const from = join(home, 'backup.db');
    bank(t, from, 'delete', 2000).close();
    const bytes = Buffer.alloc(4096, 0x41);
    const damaged = Buffer.concat([bytes, bytes]);
    writeFileSync(from, damaged, { flag: 'r+' });
    const { code, err } = await run(['restore', from, join(home, 'app.db')], true);
    assert.equal(code, 1);
    assert.doesNotMatch(err.split(wiped).at(-1) ?? '', /Copying|Checking/);
  });

  test('verify --full leaves no bar behind its answer', async t => {
    const file = join(folder(t), 'app.db');
    bank(t, file, 'delete', 2000).close();
    const { code, out, err } = await run(['verify', file, '--full'], true);
    assert.equal(code, 0);
    assert.match(out, /sound \(full check/);
    assert.ok(err.endsWith(wiped));
  });

  test(
    'the bar of a check is what its process has read, and goes when all is read',
    { skip: process.platform !== 'linux' && '/proc is of Linux' },
    async t => {
      const file = join(folder(t), 'file');
      writeFileSync(file, Buffer.alloc(1 << 20));
      // Reads a quarter of the file for each line that it gets.
      const child = spawn(
        process.execPath,
        [
          '-e',
          `const fs = require('node:fs'); const fd = fs.openSync(${JSON.stringify(file)});
           const part = Buffer.alloc(1 << 18); let at = 0;
           process.stdin.on('data', () => { fs.readSync(fd, part, 0, part.length, at); at += part.length; }); console.log('ready');`,
        ],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      );
      t.after(() => child.kill('SIGKILL'));
      await new Promise(resolve => child.stdout.once('data', resolve));
      let err = '';
      const terminal = {
        out: () => {},
        err: (text: string) => void (err += text),
        isInteractive: true,
        hasColours: false,
        signal: new AbortController().signal,
      };
      const bar = readingBar(terminal, 'Reading', 1 << 20);
      assert.ok(bar !== null && child.pid !== undefined);
      t.after(bar.wipe);
      bar.show(child.pid);
      await until(() => /Reading \[-{30}\] +0 %/.test(err), 'nothing is read yet');
      child.stdin.write('.');
      await until(() => /Reading \[#+-+\] +2[5-9] %/.test(err), 'a quarter is read');
      for (let part = 0; part < 3; part += 1) {
        child.stdin.write('.');
        await until(() => new RegExp(` +${50 + part * 25} %|${wiped.replace('[', '\\[')}$`).test(err), 'more is read');
      }
      await until(() => err.endsWith(wiped), 'all is read');
      assert.equal(readingBar({ ...terminal, isInteractive: false }, 'Reading', 1), null);
    },
  );
});
