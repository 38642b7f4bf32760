import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { blocksOf, programFolder } from './page.mts';

// Put after the page's program: asks it what the page promises, then sends it the signal.
const check = (server: string): string => `
  const { once } = await import('node:events');
  if (!${server}.listening) await once(${server}, 'listening');
  const base = 'http://127.0.0.1:' + ${server}.address().port;
  const post = email => fetch(base + '/users', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email }),
  });
  const answers = [];
  for (const asked of [post('a'), post('a'), post(null), fetch(base + '/health')]) {
    const response = await asked;
    const body = response.status === 500 ? {} : await response.json();
    answers.push([response.status, body.id ?? body.error ?? typeof body.status]);
  }
  console.log(JSON.stringify(answers));
  process.kill(process.pid, 'SIGTERM');`;

const [express, status, fastify, ...more] = blocksOf('express.md');

describe('docs/express.md', () => {
  test('has the programs that are run here, and no other block', () => {
    // test/docs/blocks.test.mts runs the one about the status page.
    assert.deepEqual([express?.language, status?.language, fastify?.language, more], ['js', 'js', 'js', []]);
  });

  const programs = [
    { name: 'express', block: express, server: 'server', others: ['express'] },
    { name: 'fastify', block: fastify, server: 'app.server', others: ['fastify'] },
  ];
  for (const { name, block, server, others } of programs) {
    test(`${name}: the answers, and the end`, t => {
      const folder = programFolder(t, { 'app.mjs': `${block?.text ?? ''}${check(server)}` }, others);
      const env = { ...process.env, PORT: '0', NODE_ENV: 'test' };
      const { status, stdout, stderr } = spawnSync(process.execPath, ['app.mjs'], {
        cwd: folder,
        env,
        encoding: 'utf8',
      });
      assert.equal(status, 0, stderr);
      assert.deepEqual(JSON.parse(stdout), [
        [201, 1],
        [409, 'SQLITE_CONSTRAINT_UNIQUE'],
        [400, 'SQLITE_CONSTRAINT_NOTNULL'],
        [200, 'string'],
      ]);
      assert.equal(existsSync(join(folder, 'app.db')), true);
      assert.equal(existsSync(join(folder, 'app.db-wal')), false);
    });
  }
});
