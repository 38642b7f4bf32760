import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import Database from 'better-sqlite3';
import { inspectSql, type GuardContext } from '../../dist/sql/guard.js';
import { anyCase, gap } from './soup.mts';
import { failureOf } from './sqlite.mts';

const context: GuardContext = {
  storage: 'file',
  walAllowed: true,
  synchronous: 'full',
  platform: 'linux',
  allowUnsyncedCommits: false,
};

const home = process.cwd();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-attach-')));
before(() => process.chdir(folder)); // Bare words name files of the working directory.
after(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

const names = fc.constantFrom('plain', "it''s", "'x'", '"x""y"', '`x``y`', '[a b]', "''", "':memory:'", 'database', 'key', 'null', 'current_time', '7', "x'61'", 'true', "'file:u'", "'FILE:v'"); // prettier-ignore
const expressions = fc.constantFrom("('a')", "'a' || 'b'", "lower('A')", '?', ':a', "'a' COLLATE nocase", '(SELECT 1)', '+1', 'CASE WHEN 1 THEN 2 END', 'a.b', '- 1'); // prettier-ignore
const operand = fc.oneof({ weight: 3, arbitrary: names }, { weight: 1, arbitrary: expressions });

describe('ATTACH and DETACH on raw better-sqlite3', () => {
  test('what comes in is refused, or told by its file and its name', () => {
    const text = fc
      .tuple(anyCase('attach'), gap, fc.constantFrom('', 'DATABASE '), operand, gap, anyCase('as'), gap, operand, fc.constantFrom('', ';', " KEY 'k'", ' KEY ?', ' -- as'))
      .map(parts => parts.join('')); // prettier-ignore
    let told = 0;
    let refusedThough = 0;
    fc.assert(
      fc.property(text, sql => {
        const decision = inspectSql(sql, context);
        const db = new Database(':memory:');
        const failure = failureOf(() => db.exec(sql));
        const [attached] = (db.pragma('database_list') as { name: string; file: string }[]).slice(1);
        db.close();
        if (failure !== null || attached === undefined) return;
        assert.notEqual(decision.verdict, 'ordinary', sql);
        if (decision.verdict === 'refused') refusedThough++;
        if (decision.verdict !== 'watched') return;
        told++;
        const [only] = decision.attaches;
        assert.equal(attached.name, only?.schema, sql);
        assert.equal(
          attached.file,
          only?.file === '' || only?.file === ':memory:' ? '' : join(folder, only?.file ?? ''),
          sql,
        );
      }),
      { numRuns: 1500 },
    );
    assert.ok(told >= 100 && refusedThough >= 50, `${told} told, ${refusedThough} refused`);
  });

  test('what goes is refused, or told by its name', () => {
    let told = 0;
    const detach = fc.tuple(
      anyCase('detach'),
      gap,
      fc.constantFrom('', 'DATABASE '),
      operand,
      fc.constantFrom('', ';', ' -- x'),
    );
    fc.assert(
      fc.property(detach, parts => {
        const sql = parts.join('');
        const decision = inspectSql(sql, context);
        const db = new Database(':memory:');
        const everyName = ['plain', 'x"y', 'x`y', 'a b', '', 'database', 'key', 'true', 'a'];
        for (const name of everyName) db.prepare('ATTACH ? AS ?').run('', name);
        const left = (): string[] => (db.pragma('database_list') as { name: string }[]).map(({ name }) => name);
        const before = left();
        const failure = failureOf(() => db.exec(sql));
        const gone = before.filter(name => !left().includes(name));
        db.close();
        if (failure !== null || decision.verdict === 'refused') return;
        assert.equal(decision.verdict, 'watched', sql);
        assert.deepEqual(decision.verdict === 'watched' && decision.detaches, gone, sql);
        told++;
      }),
      { numRuns: 500 },
    );
    assert.ok(told >= 50, `${told} told`);
  });
});
