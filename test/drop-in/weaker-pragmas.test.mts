/** Shows that a pragma that asks for less safety takes it away in better-sqlite3, and is answered and kept in ours: in every way in. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Database as OurDatabase } from 'safe-sqlite';
import { difference, quiet, suite, type Bench, type Db } from './subjects.mts';

interface Weaker {
  /** As it is written behind `PRAGMA`. */
  readonly text: string;
  readonly name: string;
  /** The value in force with better-sqlite3 afterwards, and with ours. */
  readonly theirs: unknown;
  readonly ours: unknown;
  /** The rows that the pragma itself answers with: none, or the value in force. */
  readonly answers: 'nothing' | 'value';
}

const row = (text: string, theirs: unknown, ours: unknown, answers: Weaker['answers']): Weaker => ({
  text,
  name: text.split(/[ =(]/, 1)[0] ?? '',
  theirs,
  ours,
  answers,
});

const weaker: readonly Weaker[] = [
  row('synchronous = NORMAL', 1, 2, 'nothing'),
  row('synchronous=OFF', 0, 2, 'nothing'),
  row('synchronous(0)', 0, 2, 'nothing'),
  row('synchronous = 1', 1, 2, 'nothing'),
  row("synchronous = 'nonsense'", 1, 2, 'nothing'),
  row('synchronous = -1', 1, 2, 'nothing'),
  row('journal_mode = MEMORY', 'memory', 'wal', 'value'),
  row('journal_mode(memory)', 'memory', 'wal', 'value'),
  row('journal_mode = mem', 'memory', 'wal', 'value'),
  row('mmap_size = 30000000000', 2_147_418_112, 0, 'value'),
  row('mmap_size(268435456)', 268_435_456, 0, 'value'),
  row('wal_autocheckpoint = 500', 500, 0, 'value'),
  row('locking_mode = EXCLUSIVE', 'exclusive', 'normal', 'value'),
  row('cell_size_check = OFF', 0, 1, 'nothing'),
];

/** Each way in which a text can reach SQLite; `answer` where the rows come back. */
const ways: Readonly<Record<string, (db: Db, text: string) => unknown>> = {
  pragma: (db, text) => db.pragma(text),
  exec: (db, text) => void db.exec(`PRAGMA ${text}`),
  'exec, with statements around it': (db, text) =>
    void db.exec(`CREATE TABLE before(a); PRAGMA ${text}; CREATE TABLE behind(a)`),
  'prepare and all': (db, text) => {
    const statement = db.prepare(`PRAGMA ${text}`);
    assert.equal(statement.source, `PRAGMA ${text}`);
    return statement.reader ? statement.all() : void statement.run();
  },
  'prepare and get': (db, text) => {
    const statement = db.prepare(`PRAGMA main.${text}`);
    return statement.reader ? [statement.get()] : void statement.run();
  },
  'prepare and iterate': (db, text) => {
    const statement = db.prepare(`/* fast */ PRAGMA ${text};`);
    return statement.reader ? [...statement.iterate()] : void statement.run();
  },
};

function openWith(bench: Bench): Db {
  const db = new bench.Database(bench.path(), quiet);
  if (bench.ours) return db;
  // What ours sets at open.
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = FULL');
  db.pragma('cell_size_check = ON');
  db.pragma('wal_autocheckpoint = 0');
  return db;
}

suite('weaker pragmas', bench => {
  for (const { text, name, theirs, ours, answers } of weaker) {
    for (const [way, run] of Object.entries(ways)) {
      test(`PRAGMA ${text} by ${way}`, () => {
        const db = openWith(bench);
        const rows = run(db, text);
        const inForce = bench.ours ? ours : theirs;
        assert.equal(db.pragma(`main.${name}`, { simple: true }), inForce);
        // The rows have the shape of better-sqlite3, and the value in force.
        if (rows !== undefined) assert.deepEqual(rows, answers === 'nothing' ? [] : [{ [name]: inForce }]);
        db.close();
      });
    }
  }

  for (const { text, name, theirs, ours } of weaker) {
    const inForce = (db: Db, schema = 'main'): unknown => db.pragma(`${schema}.${name}`, { simple: true });
    const outcome = (call: () => unknown): unknown => {
      try {
        call();
        return 'answered';
      } catch (error) {
        return (error as { code?: string }).code;
      }
    };
    // SQLite itself does not let these two change there.
    const fixedInTransactions = name === 'synchronous' || name === 'journal_mode';

    test(`PRAGMA ${text} inside a transaction`, () => {
      const db = openWith(bench);
      const before = inForce(db);
      const found = db.transaction(() => [outcome(() => db.pragma(text)), outcome(() => db.exec(`PRAGMA ${text}`))])();
      const expected =
        name === 'synchronous' ? 'SQLITE_ERROR' : name === 'journal_mode' && !bench.ours ? found[0] : 'answered';
      assert.deepEqual(found, [expected, expected]);
      assert.equal(inForce(db), bench.ours ? ours : fixedInTransactions ? before : theirs);
      db.close();
    });

    test(`PRAGMA ${text} under explain, where most pragmas act`, () => {
      const db = openWith(bench);
      outcome(() => db.prepare(`EXPLAIN PRAGMA ${text}`).all());
      if (bench.ours) assert.equal(inForce(db), ours);
      db.close();
    });

    test(`PRAGMA ${text} on an attached schema`, () => {
      const db = openWith(bench);
      db.exec(`ATTACH '${bench.path()}' AS other; CREATE TABLE other.t (a)`);
      if (!bench.ours) db.exec('PRAGMA other.journal_mode = WAL; PRAGMA other.synchronous = FULL');
      assert.equal(
        outcome(() => db.pragma(`other.${text}`)),
        'answered',
      );
      // A new attached file has a rollback journal here, whose level is EXTRA.
      if (bench.ours && name === 'synchronous') assert.ok(Number(inForce(db, 'other')) >= 2);
      else if (bench.ours && name === 'journal_mode') assert.ok(inForce(db, 'other') !== 'memory');
      else assert.equal(inForce(db, 'other'), bench.ours ? ours : theirs);
      db.close();
    });

    if (bench.ours) {
      test(`PRAGMA ${text} in the function of db.write`, async () => {
        const db = openWith(bench);
        const found = await (db as unknown as OurDatabase).write(() => [
          outcome(() => db.pragma(text)),
          outcome(() => db.prepare(`PRAGMA ${text}`)),
          inForce(db),
        ]);
        const answer = name === 'synchronous' ? 'SQLITE_ERROR' : 'answered';
        assert.deepEqual(found, [answer, answer, ours]);
        assert.equal(inForce(db), ours);
        db.close();
      });
    }
  }

  difference('A pragma that asks for less safety is answered, and the protection stays', bench, {
    theirs() {
      const db = openWith(bench);
      db.pragma('synchronous = OFF');
      assert.equal(db.pragma('synchronous', { simple: true }), 0);
      db.close();
    },
    ours() {
      const db = openWith(bench);
      db.pragma('synchronous = OFF');
      assert.equal(db.pragma('synchronous', { simple: true }), 2);
      const { warnings } = (db as unknown as OurDatabase).health();
      assert.deepEqual(
        warnings.filter(({ code }) => code === 'weaker-pragma-kept').map(({ code }) => code),
        ['weaker-pragma-kept'],
      );
      db.close();
    },
  });

  test('an error of the text is the error of better-sqlite3', () => {
    const db = openWith(bench);
    for (const text of [
      'mmap_size = ?',
      "mmap_size = 'x",
      'synchronous = -off',
      'journal_mode = off garbage',
      'journal_mode =',
    ]) {
      assert.throws(() => db.pragma(text), { code: 'SQLITE_ERROR' }, text);
      assert.throws(() => db.exec(`PRAGMA ${text}`), { code: 'SQLITE_ERROR' }, text);
      assert.throws(() => db.prepare(`PRAGMA ${text}`), { code: 'SQLITE_ERROR' }, text);
    }
    db.close();
  });

  test('synchronous cannot be changed inside a transaction, whatever is asked for', () => {
    const db = openWith(bench);
    const inTransaction = db.transaction(() => db.pragma('synchronous = OFF'));
    assert.throws(inTransaction, { code: 'SQLITE_ERROR', message: /Safety level may not be changed/ });
    db.close();
  });
});
