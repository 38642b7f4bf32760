// `safe-sqlite doctor` as a user meets it: real processes, their output and their exit codes.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { clearFence, type Diagnosis } from 'safe-sqlite';
import { fenceMarkerPath, writeFenceMarker } from '../../dist/filesystem/fence-marker.js';
import { crashedWal, elsewhere, folder, holding, hotJournal, leftWal } from '../doctor/check-input.mts';

const noProc = existsSync('/proc/self/fdinfo') ? false : 'needs Linux with /proc';

function run(...line: string[]): { code: number | null; out: string; err: string } {
  const bin = join(import.meta.dirname, '../../dist/cli/bin.js');
  const { status, stdout, stderr } = spawnSync(process.execPath, [bin, ...line], { encoding: 'utf8' });
  return { code: status, out: stdout, err: stderr };
}

function fence(file: string): void {
  const fault = {
    file,
    time: new Date().toISOString(),
    code: 'SQLITE_IOERR_FSYNC',
    operation: 'commit',
    message: 'disk I/O error',
  };
  assert.equal(writeFenceMarker(fault), null);
}

describe('doctor', () => {
  test('text: 80 columns, the gravest first, no colour in a pipe; exit codes by the gravest', t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file);
    const warned = run('doctor', file);
    assert.deepEqual([warned.code, warned.err], [3, '']);
    assert.match(warned.out, /^WARNING \(wal-(?:crashed|not-closed)\)$/m);
    assert.match(warned.out, /^As it should be:$/m);
    fence(file);
    const { code, out } = run('doctor', file);
    assert.equal(code, 1);
    assert.match(out, /^.*app\.db\n1 problem, .*\n\nPROBLEM \(fenced\)\n/);
    assert.match(out, /^To check the storage \(none of these writes\):\n {2}\$ (?:dmesg|wevtutil)/m);
    assert.ok(!out.includes('\u001b'));
    // Commands and paths stay whole, so that they can be copied.
    for (const line of out.split('\n').filter(each => !each.includes(file) && !/^(?: {2}\$|Next:) /.test(each))) {
      assert.ok(line.length <= 80, line);
    }
    assert.equal(run('doctor', `${file}.none`).code, 1);
  });

  test('--json is one object, with the same exit code', t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file);
    const { code, out } = run('doctor', file, '--json');
    const diagnosis = JSON.parse(out) as Diagnosis & { ok: boolean };
    assert.deepEqual([code, diagnosis.ok, diagnosis.status], [3, false, 'warning']);
    assert.equal(leftWal(diagnosis).level, 'warning');
    assert.equal(diagnosis.facts.journals?.wal?.committedFrames, 3);
  });

  test('a pipe that is closed early is no failure', async t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file);
    const bin = join(import.meta.dirname, '../../dist/cli/bin.js');
    const doctor = spawn(process.execPath, [bin, 'doctor', file, '--json'], { stdio: ['ignore', 'pipe', 'pipe'] });
    // As `head -c 1` does: the pipe is closed before the report is in it.
    doctor.stdout.destroy();
    let said = '';
    doctor.stderr.on('data', chunk => void (said += String(chunk)));
    await once(doctor, 'close');
    assert.equal(said, '');
  });
});

describe('doctor --clear-fence', () => {
  test(
    'refused while a process has it open, and cleared after it ended, with what was done',
    { skip: noProc },
    async t => {
      const file = join(folder(t), 'app.db');
      crashedWal(file, 3);
      const holder = await holding(t, file, 'const db = new Native(file); db.prepare("SELECT * FROM t").all()');
      fence(file);
      const refused = run('doctor', file, '--clear-fence');
      assert.equal(refused.code, 1);
      assert.match(refused.err, new RegExp(`stays: process ${holder.pid} has the database open`));
      assert.ok(existsSync(fenceMarkerPath(file)));
      const ended = new Promise(resolve => holder.once('exit', resolve));
      holder.kill('SIGKILL');
      await ended;
      const wal = readFileSync(`${file}-wal`);
      const { code, out } = run('doctor', file, '--clear-fence');
      // The WAL is still there for the next open.
      assert.equal(code, 3);
      assert.match(out, /^The fence of .*app\.db is cleared\.\n/);
      assert.match(out, /SQLITE_IOERR_FSYNC in a commit\s+of\s+process \d+/);
      assert.match(out, /full check found\s+nothing wrong/);
      assert.match(out, /not\s+rebooted\s+since\s+the\s+fault/);
      assert.ok(!existsSync(fenceMarkerPath(file)));
      assert.deepEqual(readFileSync(`${file}-wal`), wal);
      assert.match(run('doctor', file, '--clear-fence').out, /has no fence: nothing was checked or changed/);
      const again = JSON.parse(run('doctor', file, '--clear-fence', '--json').out) as { cleared: unknown };
      assert.deepEqual(again.cleared, { path: file, fence: null, verified: null, sameBoot: null });
    },
  );

  test('stays when the check finds damage', t => {
    const file = join(folder(t), 'app.db');
    elsewhere(
      file,
      `const db = new Native(file); db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(90000))'); db.close()`,
    );
    truncateSync(file, statSync(file).size - 8192);
    fence(file);
    const { code, err } = run('doctor', file, '--clear-fence');
    assert.equal(code, 1);
    assert.match(err, /stays: the check found/);
    assert.ok(existsSync(fenceMarkerPath(file)));
  });

  test('with a hot -journal, which SQLite plays back first', async t => {
    const file = join(folder(t), 'app.db');
    hotJournal(file);
    fence(file);
    const cleared = await clearFence(file);
    assert.equal(cleared.verified, 'full');
    assert.ok(!existsSync(`${file}-journal`));
    elsewhere(file, `if (new Native(file).prepare('SELECT count(*) FROM t').pluck().get() !== 1) process.exit(1)`);
  });
});

describe('checkpoint', () => {
  test('takes the -wal of a killed process in', t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file, 3);
    const { code, out, err } = run('checkpoint', file);
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /everything is in the database \(3 frames/);
    assert.ok(!existsSync(`${file}-wal`));
  });

  test('a reader that keeps it from the end: exit code 3, and how far it came', async t => {
    const file = join(folder(t), 'app.db');
    crashedWal(file, 3);
    await holding(t, file, `const db = new Native(file); db.exec('BEGIN'); db.prepare('SELECT * FROM t').all()`);
    elsewhere(
      file,
      `const db = new Native(file); db.pragma('wal_autocheckpoint=0'); db.exec('INSERT INTO t VALUES (4)'); process.kill(process.pid, 'SIGKILL')`,
    );
    const { code, out } = run('checkpoint', file, '--json');
    const result = JSON.parse(out) as { ok: boolean; complete: boolean; walFrames: number; checkpointedFrames: number };
    assert.deepEqual(
      [code, result.ok, result.complete, result.walFrames, result.checkpointedFrames],
      [3, false, false, 4, 3],
    );
    const truncate = run('checkpoint', file, '--truncate');
    assert.equal(truncate.code, 3);
    assert.match(truncate.out, /NOT COMPLETE: 3 of 4 frames/);
  });

  test('leaves a rollback-mode database in its mode, a missing one missing, a fenced one alone', t => {
    const home = folder(t);
    const file = join(home, 'app.db');
    elsewhere(file, `const db = new Native(file); db.exec('CREATE TABLE t(a)'); db.close()`);
    const before = readFileSync(file);
    assert.equal(run('checkpoint', file).code, 0);
    assert.match(run('checkpoint', file).out, /there is no -wal/);
    assert.deepEqual(readFileSync(file), before);
    assert.equal(run('checkpoint', join(home, 'none.db')).code, 1);
    assert.ok(!existsSync(join(home, 'none.db')));
    const fenced = join(home, 'fenced.db');
    crashedWal(fenced);
    fence(fenced);
    const { code, err } = run('checkpoint', fenced);
    assert.equal(code, 1);
    assert.match(err, /SAFE_SQLITE_FENCED/);
  });
});

test('restore takes the fence away with the old files', t => {
  const home = folder(t);
  const file = join(home, 'app.db');
  elsewhere(file, `const db = new Native(file); db.exec('CREATE TABLE t(a)'); db.close()`);
  assert.equal(run('backup', file, join(home, 'copy.db')).code, 0);
  fence(file);
  const { code, err } = run('restore', join(home, 'copy.db'), file);
  assert.deepEqual([code, err], [0, '']);
  assert.ok(!existsSync(fenceMarkerPath(file)));
});
