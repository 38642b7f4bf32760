// The command line as a user meets it: real processes, their output and their exit codes.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { main } from '../../dist/cli/main.js';
import { withClock } from '../../dist/cli/progress-bar.js';
import { assertBank, bank, dist, folder, names, Native } from '../backup/fixture.mts';
import { until } from '../support/until.mts';

function run(...line: string[]) {
  return runIn(process.cwd(), ...line);
}

function runIn(cwd: string, ...line: string[]): { code: number | null; out: string; err: string } {
  const command = [dist('cli/bin.js'), ...line];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { cwd, encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

/** The same, beside other code of the test. */
async function started(...line: string[]): Promise<{ code: number | null; err: string }> {
  const child = spawn(process.execPath, [dist('cli/bin.js'), ...line], { stdio: ['ignore', 'ignore', 'pipe'] });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, err };
}

/** The same in this process, which is faster. */
async function here(...line: string[]) {
  const said = { out: '', err: '' };
  const code = await main(line, {
    out: text => void (said.out += text),
    err: text => void (said.err += text),
    isInteractive: false,
    hasColours: false,
    signal: new AbortController().signal,
  });
  return { code, ...said };
}

/** The same in a folder. */
async function hereIn(cwd: string, ...line: string[]) {
  const before = process.cwd();
  process.chdir(cwd);
  try {
    return await here(...line);
  } finally {
    process.chdir(before);
  }
}

/** A closed bank in a folder of its own. */
function prepare(t: Parameters<typeof bank>[0], journal: 'wal' | 'delete' = 'wal', accounts = 20) {
  const home = folder(t);
  const file = join(home, 'app.db');
  const db = bank(t, file, journal, accounts);
  db.close();
  return { home, file };
}

describe('usage', () => {
  test('each command explains its purpose, with examples and exit codes', async () => {
    const overview = await here('--help');
    assert.equal(overview.code, 0);
    for (const command of ['doctor', 'backup', 'verify', 'restore', 'checkpoint']) {
      assert.match(overview.out, new RegExp(`^  ${command} `, 'm'));
      const help = await here(command, '--help');
      assert.deepEqual([help.code, help.err], [0, '']);
      assert.match(help.out, new RegExp(`^Usage: npx safe-sqlite ${command} <`));
      assert.match(help.out, /^Examples:\n {2}npx safe-sqlite .*\n(?:.*\n)*^Exit codes:\n {2}0 {2}.*\n {2}1 {2}/m);
      assert.equal((await here('help', command)).out, help.out);
      for (const line of `${help.out}${overview.out}`.split('\n')) assert.ok(line.length <= 80, line);
    }
  });

  test('--version prints the versions to include in a bug report', async () => {
    const { code, out } = await here('--version');
    assert.equal(code, 0);
    assert.match(out, /^safe-sqlite \d+\.\d+\.\d+, SQLite 3\.\d+\.\d+, Node \d+\.\d+\.\d+, \w+ \w+\n$/);
  });

  test('the examples of the help work unchanged', async t => {
    const { home } = prepare(t);
    const backups = join(home, 'backups');
    mkdirSync(backups);
    for (const command of ['doctor', 'backup', 'verify', 'restore', 'checkpoint']) {
      const examples = [...(await here(command, '--help')).out.matchAll(/^ {2}npx safe-sqlite (.*)$/gm)].map(
        ([, line = '']) => line,
      );
      assert.ok(examples.length > 0);
      for (const [number, example] of examples.entries()) {
        const line = example.replaceAll('/backups', backups).split(' ');
        // The first one as a user types it; the others in this process.
        const { code, err } = number === 0 ? runIn(home, ...line) : await hereIn(home, ...line);
        // The doctor may warn of the filesystem that the tests run on.
        assert.ok(code === 0 || (command === 'doctor' && code === 3), `${example}: ${code} ${err}`);
      }
    }
  });

  test('mistakes: exit code 2, nothing on standard output, and the nearest command', async () => {
    for (const line of [
      [],
      ['bakup'],
      ['verify'],
      ['verify', 'a', 'b'],
      ['verify', 'a', '--fill'],
      ['doctor', 'a', '--backups'],
      ['backup', 'a', 'b', '--verify', 'well'],
      ['backup', 'a', 'b', '--pages-per-second', 'x'],
      ['backup', 'a', 'b', '--pages-per-second', '5', '--method', 'vacuum-into'],
      // "$FILE" of a shell in which it is not set.
      ['verify', ''],
      ['backup', 'a', ' '],
      ['doctor', 'a', '--backups='],
    ]) {
      const { code, out, err } = await here(...line);
      assert.deepEqual([code, out], [2, ''], line.join(' '));
      // The mistake is the last line; the usage is one command away.
      assert.match(err, /^Usage: npx safe-sqlite /);
      assert.ok(err.split('\n').length <= 3 || line.length === 0, err);
    }
    assert.match((await here('docter', 'app.db')).err, /no command `docter`\. Did you mean `doctor`\?\n$/);
    assert.match((await here('verify', 'a', '--fill')).err, /no option `--fill`\. Did you mean `--full`\?\n$/);
    assert.match(
      (await here('--versoin')).err,
      /no option `--versoin` before the command\. Did you mean `--version`\?\n$/,
    );
    assert.doesNotMatch((await here('verify', 'a', '--quik')).err, /Did you mean/);
    assert.match((await here('restore', 'a', 'b', '--verfy=full')).err, /`--verfy`\. Did you mean `--verify`\?\n$/);
    assert.match((await here('doctor', 'a', '--full=yes')).err, /`--full` takes no value, got `yes`\.\n$/);
    assert.match((await here('doctor', 'a', '--backups')).err, /`--backups` needs a value\.\n$/);
    assert.match((await here('doctor', 'a', '--full', '--no-check')).err, /contradict each other\.\n$/);
    assert.doesNotMatch((await here('verify', 'a', '--xylophone')).err, /Did you mean/);
    const asJson = await here('verify', '--json', '--fill', 'a');
    assert.deepEqual([asJson.code, (JSON.parse(asJson.out) as { ok: boolean }).ok], [2, false]);
    assert.doesNotMatch((await here('reindex', 'app.db')).err, /Did you mean/);
  });
});

describe('backup, verify, restore', () => {
  for (const journal of ['wal', 'delete'] as const) {
    test(`there and back, ${journal}; nothing is left beside any file`, t => {
      const { home, file } = prepare(t, journal);
      const copy = join(home, 'copy.db');
      const made = run('backup', file, copy);
      assert.deepEqual([made.code, made.err], [0, '']);
      assert.match(made.out, /sha256: [0-9a-f]{64}/);
      assert.equal(run('verify', copy, '--full').code, 0);
      const restored = run('restore', copy, file, '--json');
      assert.equal(restored.code, 0);
      const report = JSON.parse(restored.out) as { ok: boolean; kept: string[]; path: string };
      assert.deepEqual([report.ok, report.kept.length, report.path], [true, 1, file]);
      assert.equal(assertBank(file, 20), 0);
      assert.deepEqual(
        names(home).filter(name => !name.includes('before-restore')),
        ['app.db', 'copy.db'],
      );
    });
  }

  test('a database in use is backed up, and not restored over', async t => {
    const { home, file } = prepare(t);
    const child = spawn(process.execPath, [
      '-e',
      `const db = new (require('better-sqlite3'))(${JSON.stringify(file)}); db.exec('UPDATE account SET balance = balance');
       console.log('open'); process.stdin.resume();`,
    ]);
    t.after(() => child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    const made = run('backup', file, join(home, 'copy.db'), '--method', 'online', '--json');
    assert.equal(made.code, 0);
    assert.equal((JSON.parse(made.out) as { method: string }).method, 'online');
    const refused = run('restore', join(home, 'copy.db'), file);
    assert.equal(refused.code, 1);
    // Windows tells that a program has it open, and not which.
    const who = process.platform === 'win32' ? 'another program' : String.raw`process \d+`;
    assert.match(refused.err, new RegExp(`is open in ${who}[^]*SAFE_SQLITE_RESTORE_FAILED`));
  });

  test('a locked database: advice for a person at a terminal, not for a service', async t => {
    const { home, file } = prepare(t, 'delete');
    const locker = new Native(file);
    t.after(() => locker.close());
    locker.exec('BEGIN EXCLUSIVE');
    const commands = [
      ['verify', file],
      ['backup', file, join(home, 'copy.db')],
    ];
    // Each waits for the lock: both at a time.
    const answers = await Promise.all(commands.map(line => started(...line)));
    for (const [number, { code, err }] of answers.entries()) {
      assert.equal(code, 1, commands[number]?.[0]);
      assert.match(
        err,
        /Another program currently holds a lock on the database\. Try again; the doctor\s+names\s+the\s+program\.[\s\S]*\nNext: npx safe-sqlite doctor .*\n$/,
      );
      assert.doesNotMatch(err, /503|db\.write/);
    }
  });

  test('damage and failures have exit code 1, and say what to do', async t => {
    const { home, file } = prepare(t, 'delete');
    writeFileSync(join(home, 'broken.db'), 'x'.repeat(9000));
    const damaged = run('verify', join(home, 'broken.db'));
    assert.equal(damaged.code, 1);
    assert.match(damaged.out, /DAMAGED/);
    const missing = run('backup', join(home, 'none.db'), join(home, 'x.db'));
    assert.deepEqual([missing.code, missing.out], [1, '']);
    assert.match(missing.err, /There is no database at/);
    mkdirSync(join(home, 'folder'));
    for (const [command, path, more] of [
      ['verify', 'none.db', ''],
      ['verify', 'folder', ': it is a folder'],
      ['verify', 'none/x.db', ': ENOENT'],
      ['checkpoint', 'none.db', ''],
      ['backup', 'folder', ': it is a folder'],
    ] as const) {
      const nothing = await here(command, join(home, path), ...(command === 'backup' ? [join(home, 'x.db')] : []));
      assert.deepEqual([nothing.code, nothing.out], [1, '']);
      assert.ok(nothing.err.startsWith(`There is no database at ${join(home, path)}${more}`), nothing.err);
      assert.match(nothing.err, /PROBLEM\s\((?:no-database|cannot-open)\)[\s\S]*\nNext: (?:ls -la|dir) .*\n$/);
    }
    writeFileSync(join(home, 'there.db'), '');
    const refused = run('backup', file, join(home, 'there.db'), '--json');
    assert.equal(refused.code, 1);
    const { ok, error } = JSON.parse(refused.out) as {
      ok: boolean;
      error: { code: string; hint: string; details: { step: string } };
    };
    assert.deepEqual([ok, error.code, error.details.step], [false, 'SAFE_SQLITE_BACKUP_FAILED', 'destination']);
    assert.match(error.hint, /overwrite/);
    assert.equal(run('backup', file, join(home, 'there.db'), '--overwrite').code, 0);
  });

  const noInterrupt = process.platform === 'win32' && 'Windows sends Ctrl-C to consoles only: kill() ends the process';
  test('an interrupt ends a backup, leaves nothing, and has exit code 1', { skip: noInterrupt }, async t => {
    const { home, file } = prepare(t, 'wal', 5000);
    const child = spawn(process.execPath, [
      dist('cli/bin.js'),
      'backup',
      file,
      join(home, 'copy.db'),
      '--pages-per-second',
      '50',
    ]);
    let err = '';
    child.stderr.on('data', (data: Buffer) => (err += data.toString()));
    await until(() => names(home).some(name => name.endsWith('.tmp')), 'the copy is begun');
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'close'), [1, null]);
    assert.ok(err.endsWith('Interrupted. Nothing was changed.\n'), err);
    assert.deepEqual(
      names(home).filter(name => /copy|tmp/.test(name)),
      [],
    );
  });
});

test('one is not many', t => {
  const { home } = prepare(t);
  const file = join(home, 'one.db');
  const db = new Native(file);
  db.pragma('user_version = 1');
  assert.match(run('verify', file).out, / 1 page, /);
  db.pragma('foreign_keys = OFF');
  db.exec('CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (p REFERENCES p); INSERT INTO c VALUES (5)');
  db.close();
  assert.match(run('verify', file).out, /\n {2}1 row refers to a row that does not exist\n/);
  assert.match(run('backup', file, join(home, 'copy.db')).out, /\n {2}1 row refers to a row that does not exist\n/);
});

test('a checkpoint leaves an empty file empty', t => {
  const file = join(folder(t), 'empty.db');
  writeFileSync(file, '');
  const { code, out } = run('checkpoint', file);
  assert.equal(code, 3);
  assert.match(out, /^.* is empty: there is no -wal to copy\.\n.*: WARNING\s\(empty-database\)\n/s);
  assert.equal(statSync(file).size, 0);
});

test('a bar is drawn on a terminal, and wiped', async t => {
  const { home, file } = prepare(t, 'wal', 2000);
  let err = '';
  const terminal = {
    out: () => {},
    err: (text: string) => (err += text),
    isInteractive: true,
    hasColours: false,
    signal: new AbortController().signal,
  };
  assert.equal(await main(['backup', file, join(home, 'copy.db')], terminal), 0);
  assert.match(err, /Copying \[[#-]{30}\] +\d+ %/);
  assert.ok(err.endsWith('\r\u001b[K'));
});

test('what takes longer than a second shows a clock on a terminal, and wipes it; a log file gets none', async () => {
  let err = '';
  const drawn = Promise.withResolvers<void>();
  const terminal = {
    out: () => {},
    err: (text: string) => {
      err += text;
      drawn.resolve();
    },
    isInteractive: true,
    hasColours: false,
    signal: new AbortController().signal,
  };
  // The work ends once the clock is there.
  assert.equal(await withClock(terminal, 'Checking', () => drawn.promise.then(() => 'done')), 'done');
  assert.match(err, /Checking \.\.\. \d+ s \(Ctrl-C ends it\)/);
  assert.ok(err.endsWith('\r\u001b[K'));
  const before = err;
  assert.equal(await withClock({ ...terminal, isInteractive: false }, 'Checking', () => Promise.resolve(1)), 1);
  assert.equal(err, before);
});
