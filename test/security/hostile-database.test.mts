/** A database file decides how much work it is: what looks at one from elsewhere can be given up, and has limits. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import Native from 'better-sqlite3';
import { MaintenanceError, openDatabase, restoreDatabase, verifyDatabase } from 'safe-sqlite';
import { limitsFor, startJobProcess } from '../../dist/maintenance/job-process.js';
import { until } from '../support/until.mts';
import { costlyCheck, costlyIndex, endlessWal, memoryCheck } from './hostile-files.mts';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-hostile-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const cli = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));
/** In the command line of the process of a job. */
const program = 'safe-sqlite-worker.js';
const linux = process.platform === 'linux' ? false : 'reads /proc';

let made = 0;
function hostile(build: (file: string) => void): string {
  const file = join(folder, `hostile-${made++}.db`);
  build(file);
  assert.ok(statSync(file).size < 100_000);
  return file;
}

/** Processes of this library that this one has started. */
function jobProcesses(): string[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      try {
        const parent = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ')[1];
        return parent === String(process.pid) && readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes(program);
      } catch {
        return false;
      }
    });
}

describe('a check without an end', { skip: linux }, () => {
  test('the hazard: a thread in it keeps the process from ending', async () => {
    const file = hostile(costlyCheck);
    const source = `
      const { Worker, isMainThread } = require('node:worker_threads');
      const Native = require(${JSON.stringify(fileURLToPath(import.meta.resolve('better-sqlite3')))});
      if (isMainThread) {
        process.on('exit', () => console.log('ends'));
        new Worker(__filename).on('message', () => setTimeout(() => process.exit(0), 500));
      } else {
        const db = new Native(${JSON.stringify(file)});
        require('node:worker_threads').parentPort.postMessage('begun');
        db.pragma('quick_check');
      }`;
    const path = join(folder, 'thread.cjs');
    writeFileSync(path, source);
    const child = spawn(process.execPath, [path]);
    await once(child.stdout, 'data');
    assert.equal(await Promise.race([once(child, 'exit'), delay(1000, 'still there')]), 'still there');
    child.kill('SIGKILL');
  });

  test('verifyDatabase gives up at once, the process that worked is gone, and other checks go on beside it', async () => {
    const file = hostile(costlyCheck);
    const sound = join(folder, 'sound.db');
    new Native(sound).exec('CREATE TABLE t (a)').close();
    const given = new AbortController();
    const endless = verifyDatabase(file, { signal: given.signal });
    await until(() => jobProcesses().length > 0, 'the process of the job');
    assert.equal((await verifyDatabase(sound)).ok, true);
    given.abort(new Error('given up'));
    await assert.rejects(endless, /given up/);
    await until(() => jobProcesses().length === 0, 'its end');
  });

  test('db.verify() of an open database and the CLI can be given up as well', async () => {
    const file = hostile(costlyCheck);
    const child = spawn(process.execPath, [cli, 'verify', file]);
    // Whoever runs it in a terminal presses Ctrl-C.
    await until(() => readdirSync(`/proc/${child.pid}/task`).some(task => hasChild(child.pid, task)), 'its process');
    child.kill('SIGINT');
    const [code, signal] = (await once(child, 'exit')) as [number | null, string | null];
    assert.ok(code !== 0 || signal !== null);

    const script = `
      const db = require(${JSON.stringify(fileURLToPath(import.meta.resolve('safe-sqlite')))}).openDatabase(${JSON.stringify(file)}, { logger: false, journalMode: "rollback" });
      db.verify().catch(() => {});
      setTimeout(() => process.exit(7), 1000);`;
    assert.equal(spawnSync(process.execPath, ['-e', script], { timeout: 60_000 }).status, 7);
  });

  for (const [limit, build] of [
    ['processor', costlyCheck],
    ['memory', memoryCheck],
  ] as const) {
    test(`is ended by its ${limit} limit, without an abort by the caller`, async () => {
      const file = hostile(build);
      const usual = limitsFor(statSync(file).size);
      const limits = limit === 'processor' ? { ...usual, processorMs: 1500 } : usual;
      // A connection that may write keeps the CHECK constraints of a schema, one that only reads drops them.
      const job = {
        kind: 'verify',
        file,
        identity: null,
        level: 'quick',
        busyTimeoutMs: 0,
        access: 'read-write',
      } as const;
      const over = Promise.withResolvers<void>();
      const error = await new Promise<Error>((resolve, reject) => {
        startJobProcess(
          job,
          {
            keepAlive: true,
            onMessage: message => reject(new Error(JSON.stringify(message))),
            onLost: resolve,
            onOver: over.resolve,
          },
          limits,
        );
      });
      assert.ok(error instanceof MaintenanceError);
      assert.equal(error.details['limit'], limit);
      assert.match(error.hint, /Do not trust this file/);
      await over.promise;
    });
  }

  test('the limits are far from what a sound database needs', async () => {
    const file = join(folder, 'large.db');
    const db = new Native(file);
    db.exec('CREATE TABLE t (a, b, c); CREATE INDEX i ON t (a); CREATE INDEX j ON t (b, c); CREATE INDEX k ON t (c)');
    db.exec(
      'INSERT INTO t WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 100000) SELECT x, hex(randomblob(20)), x % 7 FROM n',
    );
    db.close();
    const before = process.cpuUsage();
    const check = new Native(file, { readonly: true });
    assert.deepEqual(check.pragma('integrity_check'), [{ integrity_check: 'ok' }]);
    check.close();
    const { user, system } = process.cpuUsage(before);
    const { processorMs } = limitsFor(statSync(file).size);
    assert.ok(processorMs > (20 * (user + system)) / 1000, `${processorMs} ms, used ${(user + system) / 1000}`);
    assert.equal((await verifyDatabase(file, { level: 'full' })).ok, true);
  });

  test('a job process ends with the process that asked, also when that is killed', async () => {
    const file = hostile(costlyCheck);
    const script = `require(${JSON.stringify(fileURLToPath(import.meta.resolve('safe-sqlite')))}).verifyDatabase(${JSON.stringify(file)})`;
    const child = spawn(process.execPath, ['-e', script]);
    const workers = (): string[] =>
      readdirSync('/proc').filter(pid => /^\d+$/.test(pid) && openFiles(pid).includes(file));
    await until(() => workers().length > 0, 'the process of the job');
    child.kill('SIGKILL');
    await until(() => workers().length === 0, 'its end');
  });
});

function hasChild(pid: number | undefined, task: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').trim() !== '';
  } catch {
    return false;
  }
}

function openFiles(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap(fd => {
      try {
        return [statSync(`/proc/${pid}/fd/${fd}`).isFile() ? readlinkSync(`/proc/${pid}/fd/${fd}`) : ''];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

describe('a copy of a hostile file', { skip: linux }, () => {
  test('backup by the CLI and restore are given up, and leave nothing behind', async () => {
    const file = hostile(costlyIndex);
    const destination = join(folder, 'copies', 'copy.db');
    const target = join(folder, 'restored.db');
    spawnSync('mkdir', [dirname(destination)]);
    const child = spawn(process.execPath, [cli, 'backup', file, destination]);
    await until(() => readdirSync(`/proc/${child.pid}/task`).some(task => hasChild(child.pid, task)), 'its process');
    child.kill('SIGINT');
    await once(child, 'exit');
    assert.equal(existsSync(destination), false);

    const given = new AbortController();
    const restoring = restoreDatabase({ from: hostile(costlyCheck), to: target, signal: given.signal });
    await until(() => jobProcesses().length > 0, 'the process of the job');
    given.abort(new Error('given up'));
    await assert.rejects(restoring, /given up/);
    await until(() => jobProcesses().length === 0, 'its end');
    assert.equal(existsSync(target), false);
  });
});

describe('a count of pages that no file stands for', { skip: linux }, () => {
  test('the hazard: 8 kB make SQLite take hundreds of megabytes', () => {
    const file = hostile(endlessWal);
    const script = `
      const Native = require(${JSON.stringify(fileURLToPath(import.meta.resolve('better-sqlite3')))});
      new Native(process.argv[1], { readonly: true }).pragma('integrity_check(1)');
      console.log(process.resourceUsage().maxRSS);`;
    const child = spawnSync(process.execPath, ['-e', script, file], { encoding: 'utf8', timeout: 120_000 });
    assert.ok(Number(child.stdout) > 400_000, `${child.stdout} kB, ${child.stderr}`);
  });

  test('is found before anything is checked or copied', async () => {
    const file = hostile(endlessWal);
    const report = await verifyDatabase(file, { level: 'full' });
    assert.equal(report.ok, false);
    assert.match(report.problems.join('\n'), /that number cannot be true/);
    for (const method of ['vacuum-into', 'online']) {
      const destination = join(folder, `endless-${method}.db`);
      const child = spawnSync(process.execPath, [cli, 'backup', file, destination, '--method', method], {
        encoding: 'utf8',
        timeout: 120_000,
      });
      assert.equal(child.status, 1);
      assert.match(child.stderr, /that number cannot be true/);
      assert.equal(existsSync(destination), false);
    }
  });

  test('a transaction that frees what it took is no reason', async () => {
    const file = join(folder, 'free.db');
    using db = openDatabase(file, { logger: false, checkpoint: 'off' });
    db.pragma('cache_size = -200000');
    db.exec('CREATE TABLE t (a); BEGIN; INSERT INTO t VALUES (zeroblob(60000000)); DELETE FROM t; COMMIT');
    const report = await db.verify('full');
    assert.deepEqual(report.problems, []);
  });
});
