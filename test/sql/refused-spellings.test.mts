// Spells pragmas in every way and sends them to raw better-sqlite3: what became weaker there must have been refused.
import { after, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import type Database from 'better-sqlite3';
import { inspectSql } from '../../dist/sql/guard.js';
import { inRollback, inWal } from './guard-contexts.mts';
import { spelling, tokenSoup, type Spelling } from './soup.mts';
import { failureOf } from './sqlite.mts';
import { openHardened, vitalsOf, weakened, type VitalName } from './vitals.mts';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-spellings-'));
after(() => rmSync(folder, { recursive: true }));

const ordinary = inspectSql('SELECT 1', inWal);

type Way = 'exec' | 'prepare' | 'run' | 'pragma' | 'explain';

/** What SQLite gets when `sql` comes in this way, and how to bring it there. */
function sent(way: Way, sql: string): Sent {
  if (way === 'exec') return { text: sql, run: (db, text) => db.exec(text) };
  if (way === 'prepare') return { text: sql, run: (db, text) => db.prepare(text) };
  if (way === 'run')
    return {
      text: sql,
      run: (db, text) => (db.prepare(text).reader ? db.prepare(text).all() : db.prepare(text).run()),
    };
  if (way === 'pragma') return { text: `PRAGMA ${sql}`, run: (db, text) => db.pragma(text.slice('PRAGMA '.length)) };
  return {
    text: `EXPLAIN ${sql}`,
    // The types of better-sqlite3 leave `explain` out.
    run: (db, text) => (db as unknown as { explain(source: string): unknown }).explain(text.slice('EXPLAIN '.length)),
  };
}

interface Sent {
  readonly text: string;
  readonly run: (db: Database.Database, text: string) => unknown;
}

const ways = fc.constantFrom<Way>('exec', 'exec', 'prepare', 'run', 'pragma', 'explain');

const someTrigger =
  'CREATE TEMP TRIGGER IF NOT EXISTS tr AFTER INSERT ON t BEGIN SELECT CASE WHEN 1 THEN 2 END; SELECT 3; END;';
const before = fc.constantFrom(
  '',
  '',
  '',
  'SELECT 1;',
  "SELECT ';' -- ;\n;",
  someTrigger,
  'CREATE TABLE IF NOT EXISTS trigger(a);',
);

/** Runs the text on raw better-sqlite3 over a real file; what became weaker must have been refused. */
function proveRefusal(journal: 'wal' | 'delete', texts: fc.Arbitrary<Sent>, numRuns: number): Map<VitalName, number> {
  const context = journal === 'wal' ? inWal : inRollback;
  const file = join(mkdtempSync(join(folder, 'raw-')), 'raw.db');
  let db = openHardened(file, journal);
  db.exec('CREATE TABLE t(a); CREATE TABLE trigger(a)');
  const seen = new Map<VitalName, number>();
  let keptTexts = 0;
  let before = vitalsOf(db);
  fc.assert(
    fc.property(texts, ({ text, run }) => {
      const decision = inspectSql(text, context);
      const keeping = inspectSql(text, { ...context, weakerPragmas: 'keep' });
      if (keeping.verdict === 'watched' && keeping.weaker.length > 0) {
        failureOf(() => run(db, keeping.text));
        const granted = keeping.weaker.some(({ outcome }) => outcome === 'granted');
        const lost = weakened(before, vitalsOf(db)).filter(name => !(granted && name === 'trusted_schema'));
        assert.deepEqual(lost, [], `became weaker by the text that keeps: ${JSON.stringify([text, keeping.text])}`);
        keptTexts += 1;
        if (db.inTransaction) db.exec('ROLLBACK');
        db.pragma('trusted_schema = OFF');
      }
      failureOf(() => run(db, text));
      const now = vitalsOf(db);
      const weaker = weakened(before, now);
      if (weaker.length > 0 || db.inTransaction) {
        db.close();
        db = openHardened(file, journal);
        if (db.pragma('temp_store_directory', { simple: true })) db.pragma("temp_store_directory = ''");
        before = vitalsOf(db);
      }
      for (const name of weaker) seen.set(name, (seen.get(name) ?? 0) + 1);
      if (weaker.length > 0)
        assert.equal(decision.verdict, 'refused', `${weaker.join()} became weaker: ${JSON.stringify(text)}`);
    }),
    { numRuns },
  );
  db.close();
  assert.ok(keptTexts > 50, `only ${keptTexts} texts were kept`);
  return seen;
}

describe('whatever makes SQLite weaker is refused', () => {
  const numbers = ['0', '1', '2', '3', '4', '7', '8', '10', '1000', '0x0', '0x8'];
  const words = [
    'off',
    'on',
    'no',
    'yes',
    'true',
    'false',
    'normal',
    'full',
    'extra',
    'default',
    'nonsense',
    'reset',
    '',
  ];
  const modes = ['delete', 'memory', 'wal', 'persist', 'truncate', 'exclusive', 'm', 'mem', 'o', 'w', 'd', 'p'];
  const any = [...numbers, ...words, ...modes, tmpdir()];
  const vital: readonly VitalName[] = [
    'synchronous', 'journal_mode', 'locking_mode', 'mmap_size', 'wal_autocheckpoint', 'cell_size_check', 'trusted_schema', 'writable_schema',
    'ignore_check_constraints', 'schema_version', 'fullfsync', 'checkpoint_fullfsync', 'temp_store_directory',
  ]; // prettier-ignore

  /** Values that change something where a number or a boolean does not, often enough to be seen. */
  const telling: Partial<Record<VitalName, string[]>> = {
    journal_mode: ['off', 'memory', 'mem', 'wal'],
    locking_mode: Array.from({ length: 20 }, () => 'exclusive'),
    temp_store_directory: Array.from({ length: 20 }, () => tmpdir()),
  };
  const spelt = fc.tuple(
    ways,
    before,
    fc.constantFrom(...vital).chain(name => spelling(name, [...(telling[name] ?? []), ...any])),
  );
  const texts = spelt.map(([way, first, { sql, afterKeyword }]: [Way, string, Spelling]) =>
    sent(way, way === 'pragma' ? afterKeyword : way === 'exec' || way === 'prepare' ? first + sql : sql),
  );

  for (const journal of ['wal', 'delete'] as const) {
    test(`however a pragma is spelt, with journal_mode = ${journal}`, () => {
      const seen = proveRefusal(journal, texts, 4000);
      for (const name of vital)
        assert.ok((seen.get(name) ?? 0) >= 5, `${name} became weaker ${seen.get(name) ?? 0} times`);
    });
  }

  test('in a soup of words', () => {
    const word = fc.constantFrom(
      'PRAGMA', 'pragma synchronous', 'pragma cell_size_check', 'synchronous', 'writable_schema', 'main', '.', '=', '(', ')', '0', '1', '-', ';', ';', 'off', 'on',
      'EXPLAIN', 'QUERY PLAN', 'CREATE TRIGGER', 'CREATE TEMP TRIGGER x AFTER INSERT ON t', 'BEGIN', 'SELECT 1', 'END', 'COMMIT', "'", '"', '`', '[', ']', '/*', '*/',
      '--', '\n', '\v', '\ufeff', '\0',
    ); // prettier-ignore
    const soup = fc
      .array(fc.oneof({ weight: 12, arbitrary: word }, { weight: 1, arbitrary: tokenSoup }), {
        maxLength: 12,
        size: 'max',
      })
      .map(parts => parts.join(' '));
    const start = fc.constantFrom(
      '',
      'PRAGMA cell_size_check ',
      'PRAGMA main.cell_size_check = ',
      'SELECT 1;',
      someTrigger,
    );
    const seen = proveRefusal(
      'wal',
      fc.tuple(ways, start, soup).map(([way, first, sql]) => sent(way, first + sql)),
      10_000,
    );
    assert.ok((seen.get('cell_size_check') ?? 0) >= 20, JSON.stringify([...seen]));
  });

  test('and ordinary SQL with such words in strings, comments and names is not', () => {
    const file = join(folder, 'ordinary.db');
    const db = openHardened(file, 'wal');
    db.exec('CREATE TABLE pragma(attach, vacuum, detach); CREATE TABLE t(a)');
    const hidden = fc
      .constantFrom(...vital)
      .chain(name => spelling(name, any))
      .map(({ sql }) => sql.replaceAll('\0', ''));
    const template = fc.constantFrom<(text: string) => string>(
      text => `SELECT '${text.replaceAll("'", "''")}'`,
      text => `SELECT 1 AS "${text.replaceAll('"', '""')}"`,
      text => `SELECT 1 AS [${text.replaceAll(']', '')}]`,
      text => `SELECT 1 AS \`${text.replaceAll('`', '``')}\` FROM pragma`,
      text => `SELECT attach, "pragma".vacuum AS detach FROM pragma /* ;${text.replaceAll('*', '')} */`,
      text => `INSERT INTO pragma(attach) VALUES ('${text.replaceAll("'", "''")}') -- ;${text.replaceAll('\n', '')}`,
      text => `SELECT 1; -- ${text.replaceAll('\n', '')}\n SELECT 2`,
      text =>
        `CREATE TEMP TRIGGER IF NOT EXISTS pragma AFTER INSERT ON t BEGIN SELECT '${text.replaceAll("'", "''")}' AS attach; END`,
    );
    fc.assert(
      fc.property(hidden, template, (text, around) => {
        const sql = around(text);
        db.exec(sql);
        assert.equal(inspectSql(sql, inWal), ordinary, sql);
      }),
      { numRuns: 1500 },
    );
    db.close();
  });
});
