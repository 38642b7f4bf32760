// The ways in which several threads and processes of an application get at one file: a pool of threads, `node --watch`, and a
// cluster that is reloaded under load.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { request, Agent } from 'node:http';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { blocksOf } from '../docs/page.mts';
import { until } from '../support/until.mts';
import { frameworksSkip, freePort, record, runNode, versionOf } from './environment.mts';
import { npmInstall, programFolder, registrySkip } from './program.mts';

/** `npm run test:environments` reloads the cluster more often, and runs the control. */
const isLong = frameworksSkip === false;

describe('threads and processes', { skip: registrySkip }, () => {
  test('piscina: the same file in each thread, whose threads are terminated with it open', t => {
    const folder = programFolder(t, 'piscina');
    npmInstall(folder, 'piscina@5');
    for (const args of [['main.js'], ['main.js', '--raw']]) {
      assert.deepEqual(runNode(folder, ...args), {
        acknowledged: 400,
        before: 400,
        rows: 401,
        threads: true,
        verified: 'quick',
        fenced: false,
        ok: 'ok',
      });
    }
    record(
      'Processes',
      `piscina ${versionOf(folder, 'piscina')}, the same file in each thread`,
      '400 of 400 writes kept',
    );
  });

  test('node --watch: each restart keeps what was acknowledged', async t => {
    const folder = programFolder(t, 'watch');
    npmInstall(folder);
    const acknowledged = (): string[][] =>
      existsSync(join(folder, 'acknowledged'))
        ? readFileSync(join(folder, 'acknowledged'), 'utf8')
            .trim()
            .split('\n')
            .map(line => line.split(' '))
        : [];
    const child = spawn(process.execPath, ['--watch', 'app.js'], { cwd: folder, stdio: 'ignore' });
    t.after(() => child.kill());
    for (const version of ['1', '2', '3', '4']) {
      if (version !== '1') writeFileSync(join(folder, 'version.js'), `export const version = ${version};\n`);
      await until(() => acknowledged().filter(([seen]) => seen === version).length > 50, `version ${version} writes`);
    }
    const ended = once(child, 'exit');
    child.kill();
    await ended;
    // The application outlives the watcher for a moment.
    let last = -1;
    await until(() => last === (last = acknowledged().length), 'the application has ended', { everyMs: 500 });

    const told = acknowledged();
    assert.deepEqual([...new Set(told.map(([, , warnings]) => warnings))], ['0']);
    const db = new Database(join(folder, 'app.db'));
    t.after(() => db.close());
    const kept = new Set(db.prepare('SELECT id FROM notes').pluck().all());
    assert.deepEqual(
      told.filter(([, id]) => !kept.has(Number(id))),
      [],
    );
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    record('Processes', 'node --watch, restarted three times while it writes', 'each acknowledged write kept');
  });

  test('PM2 reloads a cluster under load: each acknowledged write is there', async t => {
    const folder = programFolder(t, 'reload');
    npmInstall(folder, 'pm2@7');
    const [, , , , ecosystem = ''] = blocksOf('deployment.md').map(({ text }) => text);
    const env = { ...process.env, PM2_HOME: join(folder, 'home') };
    const pm2 = (...line: string[]): string =>
      execFileSync(process.execPath, [join(folder, 'node_modules/pm2/bin/pm2'), ...line], {
        cwd: folder,
        env,
        encoding: 'utf8',
        stdio: 'pipe',
      });
    let running: Load | undefined;
    try {
      for (const raw of isLong ? ['0', '1'] : ['0']) {
        const data = join(folder, `data-${raw}`);
        mkdirSync(data);
        const port = await freePort();
        const settings = ecosystem.replace('/srv/app/data', data).replace('PORT: 3000', `PORT: ${port}, RAW: ${raw}`);
        assert.ok(settings.includes(data) && settings.includes(`RAW: ${raw}`));
        writeFileSync(join(folder, 'ecosystem.config.cjs'), settings);
        pm2('start', 'ecosystem.config.cjs');
        const load = (running = startLoad(port));
        await until(() => load.acknowledged.length > 200, 'the cluster writes');
        // pm2 answers when each worker has been replaced; in that time the load goes on beside it.
        for (let reload = 0; reload < (isLong && raw === '0' ? 3 : 1); reload += 1) {
          const before = load.acknowledged.length;
          const child = spawn(process.execPath, [join(folder, 'node_modules/pm2/bin/pm2'), 'reload', 'app'], {
            cwd: folder,
            env,
            stdio: 'ignore',
          });
          assert.deepEqual(await once(child, 'exit'), [0, null]);
          assert.ok(load.acknowledged.length > before, 'the load was beside the reload');
          const reloaded = load.acknowledged.length;
          await until(() => load.acknowledged.length > reloaded + 100, 'the new workers write');
        }
        await load.stop();
        pm2('delete', 'app');
        const db = new Database(join(data, 'app.db'));
        const rows = db.prepare('SELECT id, pid FROM notes').all() as { id: string; pid: number }[];
        db.close();
        const kept = new Set(rows.map(({ id }) => id));
        assert.deepEqual(
          load.acknowledged.filter(id => !kept.has(id)),
          [],
        );
        // No write was refused by the database.
        assert.equal(load.refused['503'], undefined);
        assert.ok(new Set(rows.map(({ pid }) => pid)).size > 2, 'other workers have written behind the reload');
        assert.deepEqual(readdirSync(data), ['app.db']);
        assert.doesNotMatch(readFileSync(join(folder, 'home/pm2.log'), 'utf8'), /SIGKILL/);
        const { length } = load.acknowledged;
        if (raw === '0') {
          const name = `PM2 ${versionOf(folder, 'pm2')}, a cluster of two workers reloaded three times under load`;
          record('Processes', name, `${length} of ${length} acknowledged writes kept`);
        }
        t.diagnostic(`RAW=${raw}: ${load.acknowledged.length} acknowledged; not: ${JSON.stringify(load.refused)}`);
      }
    } finally {
      await running?.stop();
      pm2('kill');
    }
  });
});

interface Load {
  readonly acknowledged: string[];
  /** How often a request was not acknowledged, by the reason. */
  readonly refused: Record<string, number>;
  stop(): Promise<void>;
}

/** Eight clients; each writes one row after the other, on a connection of its own each time. */
function startLoad(port: number): Load {
  const acknowledged: string[] = [];
  const refused: Record<string, number> = {};
  let going = true;
  const agent = new Agent({ keepAlive: false });
  const write = (path: string): Promise<string> =>
    new Promise(resolve => {
      const call = request({ host: '127.0.0.1', port, path, agent, timeout: 10_000 }, response => {
        response.resume().once('close', () => resolve(response.complete ? String(response.statusCode) : 'broken off'));
      });
      // A connection that the cluster handed to a worker which was ending gets no answer.
      call.once('timeout', () => call.destroy());
      call.once('error', error => resolve('code' in error ? String(error.code) : error.message)).end();
    });
  const clients = Array.from({ length: 8 }, async (_, client) => {
    for (let number = 0; going; number += 1) {
      const id = `/${client}-${number}`;
      const answer = await write(id);
      if (answer === '200') acknowledged.push(id);
      else {
        refused[answer] = (refused[answer] ?? 0) + 1;
        await delay(10);
      }
    }
  });
  return {
    acknowledged,
    refused,
    stop: async () => {
      going = false;
      await Promise.all(clients);
    },
  };
}
