import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import Database from 'better-sqlite3';
import type { Operand } from '../../dist/sql/decision.js';
import { inspectSql, type GuardContext } from '../../dist/sql/guard.js';
import { anyCase, gap } from './soup.mts';
import { failureOf } from './sqlite.mts';

const context: GuardContext = {
  storage: 'file',
  walAllowed: true,
  synchronous: 'full',
  platform: 'linux',
  allowUnsyncedCommits: false,
  weakerPragmas: 'throw',
};

const home = process.cwd();
const folder = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-attach-')));
before(() => process.chdir(folder)); // Bare words name files of the working directory.
after(() => {
  process.chdir(home);
  rmSync(folder, { recursive: true });
});

const names = fc.constantFrom('plain', "it''s", "'it''s'", '"a\'b"', "'x'", '"x""y"', '`x``y`', '[a b]', "''", "':memory:'", 'database', 'key', 'null', 'current_date', '7', "x'61'", 'true', "'file:u'", "'FILE:v'"); // prettier-ignore
const expressions = fc.constantFrom("('a')", "'a' || 'b'", "lower('A')", '?', ':a', "'a' COLLATE nocase", '(SELECT 1)', "CAST('c' AS TEXT)", '+1', 'CASE WHEN 1 THEN 2 END', 'a.b', '- 1'); // prettier-ignore
const operand = fc.oneof({ weight: 3, arbitrary: names }, { weight: 1, arbitrary: expressions });

/** What SQLite evaluates operands to, with nothing bound. */
function textsOf(operands: readonly Operand[]): string[] {
  const db = new Database(':memory:');
  const casts = operands.map(({ unbound }) => `CAST((${unbound}) AS TEXT)`);
  const values = db
    .prepare(`SELECT ${casts.join(', ')}`)
    .raw()
    .get() as (string | null)[];
  db.close();
  return values.map(value => value ?? '');
}

describe('ATTACH and DETACH on raw better-sqlite3', () => {
  test('the operands that are read name the file and the schema that SQLite attaches', () => {
    const text = fc
      .tuple(anyCase('attach'), gap, fc.constantFrom('', 'DATABASE '), operand, gap, anyCase('as'), gap, operand, fc.constantFrom('', ';', " KEY 'k'", ' KEY ?', ' -- as'))
      .map(parts => parts.join('')); // prettier-ignore
    let told = 0;
    let computed = 0;
    fc.assert(
      fc.property(text, sql => {
        const decision = inspectSql(sql, context);
        const db = new Database(':memory:');
        const failure = failureOf(() => db.exec(sql));
        const [attached] = (db.pragma('database_list') as { name: string; file: string }[]).slice(1);
        db.close();
        if (failure !== null || attached === undefined) return;
        assert.equal(decision.verdict, 'watched', sql);
        if (decision.verdict !== 'watched') return;
        told++;
        const [only] = decision.attaches;
        assert.ok(only, sql);
        if (only.file.literal === null || only.schema.literal === null) computed++;
        const [file, schema] = textsOf([only.file, only.schema]);
        assert.equal(attached.name, schema, sql);
        assert.equal(attached.file, file === '' || file === ':memory:' ? '' : join(folder, file ?? ''), sql);
      }),
      { numRuns: 1500 },
    );
    assert.ok(told >= 100 && computed >= 50, `${told} read, ${computed} computed`);
  });

  test('the operand that is read names the schema that SQLite detaches', () => {
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
        if (failure !== null) return;
        assert.equal(decision.verdict, 'watched', sql);
        assert.deepEqual(decision.verdict === 'watched' && textsOf(decision.detaches), gone, sql);
        told++;
      }),
      { numRuns: 500 },
    );
    assert.ok(told >= 50, `${told} told`);
  });
});
