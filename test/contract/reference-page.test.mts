// docs/reference.md: has every export, which have docstrings, and its examples run. `.ci/run` compares it with the docstrings.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as main from 'safe-sqlite';
import * as http from 'safe-sqlite/express';
import { blocksIn, programFolder } from '../docs/page.mts';
import { readReference } from '../../scripts/reference-page.mjs';
import { readPage } from './page.mts';

const page = readPage('docs/reference.md');
const reference = readReference();

describe('docs/reference.md', () => {
  test('has a heading for each export', () => {
    const headings = new Set([...page.matchAll(/^#### (.+)$/gm)].map(([, name = '']) => name));
    for (const name of [...Object.keys(main), ...Object.keys(http)]) {
      if (name !== 'default') assert.ok(headings.has(name), `${name}: run \`node scripts/reference-page.mjs\``);
    }
  });

  test('every function, class and constant, and every member of Database, has a docstring', () => {
    const all = reference.flatMap(({ items }) =>
      items
        .filter(({ kind }) => kind !== 'type')
        .flatMap(item => [item, ...(item.isError || item.kind === 'constant' ? [] : item.members)])
        .filter(({ name }) => name !== '(constructor)'),
    );
    const documented = new Set(all.filter(({ docs }) => docs !== '').map(({ name }) => name));
    // The first of several signatures has the docstring of all.
    assert.deepEqual(
      all.map(({ name }) => name).filter(name => !documented.has(name)),
      [],
    );
  });

  test('the members that a user asks for first have an example', () => {
    const members = reference.flatMap(({ items }) => items.flatMap(item => [item, ...item.members]));
    for (const name of ['openDatabase', 'write', 'backup', 'withSnapshot', 'checkpoint', 'diagnose', 'statusRoute']) {
      assert.ok(
        members.some(each => each.name === name && each.docs.includes('@example')),
        name,
      );
    }
  });

  for (const [index, { language, text }] of blocksIn(page).entries()) {
    test(`example ${index + 1}: ${text.split('\n')[0]}`, t => {
      assert.equal(language, 'ts');
      const folder = programFolder(t, {}, ['express', 'fastify']);
      mkdirSync(join(folder, 'data'), { recursive: true });
      writeFileSync(join(folder, 'app.mts'), `${around(text)}\n`);
      const { status, stderr } = spawnSync(process.execPath, ['app.mts'], { cwd: folder, encoding: 'utf8' });
      assert.equal(status, 0, stderr);
    });
  }
});

/** What the surroundings of an example have: imports, a database, a server, a login. */
function around(example: string): string {
  const own = [...example.matchAll(/\b(?:const|let) (?:\{([^}]+)\}|(\w+))/g)].flatMap(([, list, name]) =>
    (list ?? name ?? '').split(',').map(each => each.trim()),
  );
  const given = (name: string, value: string): string => (own.includes(name) ? '' : `const ${name} = ${value};`);
  return `
    import { once } from 'node:events';
    import * as sqlite from 'safe-sqlite';
    import * as http from 'safe-sqlite/express';
    const { clearFence, closeAllDatabases, diagnose, inspectFilesystem, installProcessGuard, metricsText, openDatabase, readFence, restoreDatabase, verifyDatabase } = sqlite;
    const { answerForError, answerForHealth, healthRoute, sqliteErrorHandler, statusPage, statusRoute } = http;
    const db = openDatabase('data/app.db', { logger: false });
    db.exec('CREATE TABLE t (a); CREATE TABLE sales (day, amount)');
    const noop = () => {};
    ${given('app', '{ get: noop, use: noop }')} ${given('fastify', '{ get: noop }')} ${given('requireLogin', 'noop')}
    ${given('migration', "'CREATE TABLE u (a)'")} ${given('day', '0')} ${given('response', '{ write: () => true }')}
    ${example}
    await db[Symbol.asyncDispose]();
    process.exit(0);`;
}
