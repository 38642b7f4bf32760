// A newest backup that is gone when the program starts again is reported, and ordinary life is silent.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, test } from 'node:test';
import { promisify } from 'node:util';
import { startSchedule } from '../../dist/backup/schedule.js';
import { restoreDatabase } from 'safe-sqlite';
import { bornWhenChanged } from '../support/birth-times.mts';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';
import { until } from '../support/until.mts';
import { backUp, bank, copyFolder, dist, folder, Native, names, require } from './fixture.mts';

const hour = 3_600_000;
const start = Date.parse('2026-11-21T12:00:00Z');
const run = promisify(execFile);

interface Life {
  /** Seconds since the start of the test, by the clock of the schedule. */
  readonly at: number;
  readonly file: string;
  readonly out: string;
  readonly isReadonly?: boolean;
}

/** One life of a program: what its schedule reports until it rests. */
async function live({ at, file, out, isReadonly }: Life): Promise<{ told: string[]; message: string; newest: string }> {
  const db = new Native(file);
  const told: string[] = [];
  let message = '';
  const schedule = startSchedule(
    { directory: out, intervalMs: hour, keep: { newest: 1, daily: 0, weekly: 0 }, verify: 'quick', reserveBytes: null },
    {
      source: file,
      isReadonly,
      now: () => start + at * hour,
      backup: (destination, signal, onFinished) => backUp(db, destination, { signal }, { onFinished }),
      onFailure: error => assert.fail(error),
      onWarning: (code, text) => {
        told.push(code);
        message = text;
      },
    },
  );
  await until(() => !schedule.state().running, 'no backup runs');
  const newest = schedule.state().lastBackup?.path ?? '';
  await schedule.stop();
  db.close();
  return { told, message, newest };
}

function home(t: Parameters<typeof folder>[0]): { file: string; out: string; at: (name: string) => string } {
  const root = folder(t);
  const at = (name: string): string => join(root, name);
  mkdirSync(at('data'));
  const file = at('data/app.db');
  bank(t, file, 'delete', 20).close();
  return { file, out: at('out'), at };
}

const probe = folder({ after: () => {} } as never);
const skip = bornWhenChanged(probe) && 'no birth times here: Wine gives the time of the last change for it';
rmSync(probe, { recursive: true });

describe('the newest backup is gone after a restart', { skip }, () => {
  for (const [what, lose] of [
    ['the folder is gone', out => rmSync(out, { recursive: true })],
    [
      'the folder is empty, as where a disk is not mounted',
      out => {
        renameSync(out, `${out}.away`);
        mkdirSync(out);
      },
    ],
    [
      'another disk is there, with files of others',
      out => {
        renameSync(out, `${out}.away`);
        mkdirSync(out);
        writeFileSync(join(out, 'app-20990101T000000000Z.txt'), '');
      },
    ],
    [
      'only older ones are there',
      (out, older) => {
        for (const name of names(out)) rmSync(join(out, name));
        for (const name of names(older)) cpSync(join(older, name), join(out, name), { preserveTimestamps: true });
      },
    ],
  ] as readonly (readonly [string, (out: string, older: string) => void])[]) {
    test(`${what}: said once, and a new one is made`, async t => {
      const { file, out, at } = home(t);
      await live({ at: 0, file, out });
      cpSync(out, at('older'), { recursive: true });
      const { newest, told } = await live({ at: 1, file, out });
      assert.deepEqual(told, []);
      lose(out, at('older'));
      const next = await live({ at: 2, file, out });
      assert.deepEqual(next.told, ['backups-gone']);
      assert.ok(next.message.startsWith(`${newest} is gone, and no newer backup is in ${out}`), next.message);
      assert.notEqual(next.newest, newest);
      assert.deepEqual((await live({ at: 2, file, out })).told, []);
      assert.deepEqual((await live({ at: 3, file, out })).told, []);
    });
  }

  test('also where the database was moved meanwhile, and where another folder had its turn', async t => {
    const { file, out, at } = home(t);
    await live({ at: 0, file, out });
    renameSync(at('data'), at('moved'));
    assert.deepEqual((await live({ at: 1, file: at('moved/app.db'), out: at('other') })).told, []);
    rmSync(out, { recursive: true });
    assert.deepEqual((await live({ at: 2, file: at('moved/app.db'), out })).told, ['backups-gone']);
  });
});

describe('ordinary life is silent', { skip }, () => {
  test('first run, restarts, retention, another folder and back, a clock that went back', async t => {
    const { file, out, at } = home(t);
    for (const hours of [0, 0, 0.5, 1, 2, 9, 8, 10]) {
      assert.deepEqual((await live({ at: hours, file, out })).told, [], `${hours}`);
    }
    for (const [hours, other] of [
      [11, at('other')],
      [12, out],
      [13, at('other')],
      [14, out],
    ] as const) {
      assert.deepEqual((await live({ at: hours, file, out: other })).told, []);
    }
  });

  test('a restore, a database that an older version has given an id, one whose `-backup-id` is new', async t => {
    const { file, out } = home(t);
    const { newest } = await live({ at: 0, file, out });
    await restoreDatabase({ from: newest, to: file });
    assert.deepEqual((await live({ at: 1, file, out })).told, []);
    const path = `${file}-backup-id`;
    const { newest: noted, ...text } = JSON.parse(readFileSync(path, 'utf8')) as { newest: { name: string }[] };
    assert.match(noted[0]?.name ?? '', /T130000000Z/);
    // In place, so that it stays the file of its mark.
    writeFileSync(path, JSON.stringify({ ...text, format: 1 }));
    assert.deepEqual((await live({ at: 1, file, out })).told, [], 'its backups are still its own');
    rmSync(out, { recursive: true });
    assert.deepEqual((await live({ at: 2, file, out })).told, [], 'nothing was noted');
    rmSync(path);
    rmSync(out, { recursive: true });
    assert.deepEqual((await live({ at: 3, file, out })).told, []);
  });

  test('a copy says that it is one, and does not miss the backups of its original', async t => {
    const { file, out, at } = home(t);
    await live({ at: 0, file, out });
    copyFolder(at('data'), at('copy'));
    rmSync(out, { recursive: true });
    assert.deepEqual((await live({ at: 1, file: at('copy/app.db'), out })).told, ['backup-identity']);
  });

  test('a connection that only reads leaves the file as it is', async t => {
    const { file, out } = home(t);
    await live({ at: 0, file, out });
    const path = `${file}-backup-id`;
    const [whole, { ino }] = [readFileSync(path, 'utf8'), statSync(path)];
    await live({ at: 1, file, out, isReadonly: true });
    assert.deepEqual([readFileSync(path, 'utf8'), statSync(path).ino], [whole, ino]);
  });
});

/** A whole program: its warnings, the failures, and the backup that it shows as the last one. */
const script = `const { openDatabase } = require(${JSON.stringify(dist('index.js'))});
  const [file, directory, options] = process.argv.slice(1);
  const db = openDatabase(file, { logger: false, backup: { directory }, ...JSON.parse(options ?? '{}') });
  const told = [];
  db.events.on('warning', ({ code }) => told.push(code));
  db.events.on('backupFailed', ({ error }) => told.push(error.message));
  const look = setInterval(() => {
    const { running, next, lastBackup } = db.health().backups;
    if (running || next === null) return;
    clearInterval(look);
    console.log(JSON.stringify({ told, last: lastBackup?.path ?? null }));
    db.close();
  }, 5);`;

async function startProgram(
  file: string,
  out: string,
  options = {},
  environment: NodeJS.ProcessEnv = process.env,
): Promise<{ told: string[]; last: string }> {
  const { stdout } = await run(process.execPath, ['-e', script, file, out, JSON.stringify(options)], {
    env: environment,
  });
  const { told, last } = JSON.parse(stdout) as { told: string[]; last: string };
  return { told: told.filter(code => code.startsWith('backup')), last };
}

describe('in whole programs', { skip }, () => {
  test('a reboot without the disk of the backups, and a copy after a move', async t => {
    const { file, out, at } = home(t);
    const first = await startProgram(file, out);
    assert.deepEqual([first.told, basename(first.last).slice(0, 4)], [[], 'app-']);
    renameSync(out, at('away'));
    assert.deepEqual((await startProgram(file, out)).told, ['backups-gone']);
    assert.deepEqual((await startProgram(file, out, { readonly: true })).told, []);
    renameSync(at('data'), at('moved'));
    assert.deepEqual((await startProgram(at('moved/app.db'), out)).told, []);
    copyFolder(at('moved'), at('copy'));
    assert.deepEqual((await startProgram(at('copy/app.db'), out)).told, ['backup-identity']);
    const ids = ['moved', 'copy'].map(name => readFileSync(at(`${name}/app.db-backup-id`), 'utf8'));
    assert.equal(new Set(ids.map(text => (JSON.parse(text) as { id: string }).id)).size, 2);
  });

  test('a note that cannot be written fails nothing', { skip: faultsSkip() }, async t => {
    const { file, out } = home(t);
    await startProgram(file, out);
    rmSync(out, { recursive: true });
    const whole = readFileSync(`${file}-backup-id`, 'utf8');
    using bench = createFaultBench();
    bench.faults.arm({ calls: ['rename'], path: `${file}-backup-id`, count: 'all', action: { fail: 'EROFS' } });
    const { told, last } = await startProgram(file, out, {}, { ...process.env, ...bench.environment });
    assert.ok((bench.faults.counters()[0]?.hits ?? 0) > 0);
    bench.faults.heal();
    assert.deepEqual(told, ['backups-gone']);
    assert.ok(names(out).includes(basename(last)));
    assert.equal(readFileSync(`${file}-backup-id`, 'utf8'), whole);
    assert.deepEqual(names(join(file, '..')), ['app.db', 'app.db-backup-id']);
  });
});

test('the hazard: better-sqlite3 writes into the empty folder of a disk that is not mounted, without a word', async t => {
  const { file, out, at } = home(t);
  mkdirSync(out);
  const db = new (require('better-sqlite3') as typeof Native)(file);
  await db.backup(join(out, 'app.db'));
  renameSync(out, at('away'));
  mkdirSync(out);
  await db.backup(join(out, 'app.db'));
  db.close();
  assert.deepEqual(names(out), ['app.db']);
});
