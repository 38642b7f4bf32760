// withSnapshot: what it says about a change is what another connection sees of it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, test, type TestContext } from 'node:test';
import Native from 'better-sqlite3';
import fc from 'fast-check';
import { Database, restoreDatabase, type SnapshotOptions } from 'safe-sqlite';
import { folder, names } from './fixture.mts';

const schema = `
  CREATE TABLE chat (id INTEGER PRIMARY KEY, mode TEXT);
  CREATE TABLE message (id INTEGER PRIMARY KEY, chat INTEGER NOT NULL REFERENCES chat (id) ON DELETE CASCADE);
  CREATE TABLE once (x PRIMARY KEY ON CONFLICT ROLLBACK);
  INSERT INTO chat VALUES (1, 'x'), (2, 'y');
  INSERT INTO message VALUES (1, 1), (2, 1), (3, 2);
  INSERT INTO once VALUES ('x');
`;

/** What Drizzle, MikroORM and others generate for a column that changes. */
const rebuild = [
  'PRAGMA foreign_keys=OFF',
  'CREATE TABLE new_chat (id INTEGER PRIMARY KEY, mode TEXT NOT NULL)',
  'INSERT INTO new_chat SELECT id, mode FROM chat',
  'DROP TABLE chat',
  'ALTER TABLE new_chat RENAME TO chat',
  'PRAGMA foreign_keys=ON',
];

interface Rejection extends Error {
  readonly code: string;
  readonly hint: string;
  readonly details: { readonly step: string; readonly outcome: string; readonly snapshot: string };
}

function open(t: TestContext, home = folder(t)) {
  const file = join(home, 'app.db');
  const raw = new Native(file);
  raw.exec(schema);
  raw.close();
  const db = new Database(file, { logger: false });
  t.after(() => db.open && db.close());
  return { home, file, db };
}

/** Everything that is stored, as another connection reads it. */
function stored(file: string): string {
  const db = new Native(file, { readonly: true });
  const tables = db.prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck();
  const content = tables.all().map(name => [name, db.prepare(`SELECT * FROM "${name}"`).raw().all()]);
  db.close();
  return JSON.stringify(content);
}

async function rejection(promise: Promise<unknown>): Promise<Rejection> {
  return promise.then(
    () => assert.fail('resolved'),
    (error: Rejection) => error,
  );
}

/** The change fails with an outcome, and that is what is stored. */
async function assertRolledBack(db: Database, change: () => unknown, options?: SnapshotOptions): Promise<Rejection> {
  const before = stored(db.name);
  const error = await rejection(db.withSnapshot(change, options));
  await turn();
  assert.equal(error.code, 'SAFE_SQLITE_BACKUP_FAILED', error.stack);
  assert.equal(error.details.outcome, 'rolled-back');
  assert.equal(db.inTransaction, false);
  assert.equal(stored(db.name), before);
  assert.equal(stored(error.details.snapshot), before);
  return error;
}

test('a change that succeeds is committed, and its snapshot is kept or deleted as asked', async t => {
  const { db, home, file } = open(t);
  const before = stored(file);
  const kept = await db.withSnapshot(() => db.exec('DELETE FROM chat WHERE id = 1').name);
  assert.equal(kept.value, file);
  assert.equal(kept.foreignKeyViolations, 0);
  assert.equal(db.prepare('SELECT count(*) FROM message').pluck().get(), 1);
  assert.equal(stored(kept.snapshot ?? ''), before);
  const pruned = await db.withSnapshot(() => 42, { keep: 'on-failure', check: 'off' });
  assert.deepEqual(pruned, { value: 42, snapshot: null, foreignKeyViolations: null });
  assert.equal(names(home).filter(name => name.includes('snapshot')).length, 1);
});

test('a change that throws, awaits, or breaks the database is rolled back, and the error names the snapshot', async t => {
  const { db } = open(t);
  const mine = new Error('migration');
  const thrown = await assertRolledBack(db, () => {
    db.exec('DELETE FROM chat');
    throw mine;
  });
  assert.equal(thrown.cause, mine);
  assert.equal(thrown.details.step, 'change');
  db.pragma('foreign_keys = OFF');
  const broken = await assertRolledBack(db, () => db.exec('INSERT INTO message VALUES (9, 99)'));
  assert.equal(broken.details.step, 'check');
  assert.match(broken.message, /row 9 of message refers to a row of chat that does not exist/);
});

test('without a snapshot there is no change', async t => {
  const { db, home } = open(t);
  const change = () => assert.fail('must not run');
  await assert.rejects(db.withSnapshot(change, { directory: join(home, 'none') }), {
    code: 'SAFE_SQLITE_BACKUP_FAILED',
    message: /does not exist/,
  });
  const memory = new Database(':memory:');
  t.after(() => memory.close());
  await assert.rejects(memory.withSnapshot(change), { code: 'SAFE_SQLITE_INVALID_OPTION' });
  await assert.rejects(db.withSnapshot(5 as never), { code: 'SAFE_SQLITE_INVALID_OPTION' });
  for (const option of ['keep', 'verify', 'check', 'transaction', 'foreignKeys']) {
    await assert.rejects(db.withSnapshot(change, { [option]: 'never' }), { code: 'SAFE_SQLITE_INVALID_OPTION' });
  }
  assert.ok(!existsSync(join(home, 'none')));
});

describe('a change that is not synchronous', () => {
  test('the hazard: in better-sqlite3 it goes on outside of the transaction', async () => {
    const raw = new Native(':memory:');
    raw.exec('CREATE TABLE t (x)');
    const change = async (): Promise<void> => {
      await turn();
      raw.exec('INSERT INTO t VALUES (1)');
    };
    assert.throws(raw.transaction(change), TypeError);
    await turn();
    assert.equal(raw.prepare('SELECT count(*) FROM t').pluck().get(), 1);
    raw.close();
  });

  test('is refused before anything ran where it is an async function', async t => {
    const { db, home } = open(t);
    const error = await rejection(db.withSnapshot(async () => assert.fail('must not run')));
    assert.equal(error.code, 'SAFE_SQLITE_INVALID_OPTION');
    assert.match(error.hint, /transaction: 'own'/);
    assert.deepEqual(
      names(home).filter(name => name.includes('snapshot')),
      [],
    );
  });

  const lateCalls: Record<string, (db: Database) => unknown> = {
    'db.exec': db => db.exec('DELETE FROM chat'),
    'a prepared statement': db => db.prepare('DELETE FROM chat').run(),
    'db.transaction': db => db.transaction(() => db.exec('DELETE FROM chat'))(),
    'db.write': db => db.write(() => db.exec('DELETE FROM chat')),
    'an iterator': db => [...db.prepare('DELETE FROM chat RETURNING id').iterate()],
  };
  for (const [way, run] of Object.entries(lateCalls)) {
    test(`is rolled back, and what it does afterwards by ${way} is refused`, async t => {
      const { db } = open(t);
      const late: unknown[] = [];
      const change = async (): Promise<void> => {
        db.exec("INSERT INTO chat VALUES (3, 'z')");
        await turn();
        await Promise.resolve()
          .then(() => run(db))
          .catch((error: unknown) => late.push(error));
        throw new Error('nobody hears it');
      };
      let rest: Promise<void> = Promise.resolve();
      await assertRolledBack(db, () => (rest = change()));
      const before = stored(db.name);
      await rest.catch(() => {});
      assert.equal(stored(db.name), before);
      assert.deepEqual(
        late.map(error => (error as { code: string }).code),
        ['SAFE_SQLITE_UNSAFE_STATEMENT'],
      );
      // All other callers continue, also while that promise is pending.
      db.exec("INSERT INTO chat VALUES (4, 'other')");
      assert.equal(await db.write(() => 'other'), 'other');
    });
  }

  test('a query that begins by its `then` is never begun', async t => {
    const { db } = open(t);
    // oxlint-disable-next-line unicorn/no-thenable -- as query builders are
    await assertRolledBack(db, () => ({ then: () => db.exec('DELETE FROM chat') }));
  });
});

describe('COMMIT, END and ROLLBACK', () => {
  for (const end of ['COMMIT', 'END', 'ROLLBACK', 'COMMIT; BEGIN', '/* */ commit transaction']) {
    const ways: Record<string, (db: Database) => () => unknown> = {
      exec: db => () => db.exec(`DELETE FROM chat; ${end}; SELECT * FROM missing`),
      'a statement prepared before': db => {
        const statement = db.prepare(end.split(';')[0] ?? '');
        return () => statement.run();
      },
    };
    for (const [way, make] of Object.entries(ways)) {
      test(`${end} by ${way} is refused, and the change is rolled back`, async t => {
        const { db } = open(t);
        const run = make(db);
        const error = await assertRolledBack(db, () => {
          db.exec("INSERT INTO chat VALUES (3, 'z')");
          run();
        });
        assert.equal((error.cause as Rejection).code, 'SAFE_SQLITE_UNSAFE_STATEMENT');
      });
    }
  }

  test('savepoints and nested transactions are the own affair of the change', async t => {
    const { db } = open(t);
    await db.withSnapshot(() => {
      db.exec('SAVEPOINT mine; DELETE FROM chat; ROLLBACK TO mine; RELEASE mine');
      db.transaction(() => db.exec("INSERT INTO chat VALUES (3, 'z')"))();
    });
    assert.equal(db.prepare('SELECT count(*) FROM chat').pluck().get(), 3);
  });

  test('a failure that rolls back everything ends the change, also where it is caught', async t => {
    const { db } = open(t);
    await assertRolledBack(db, () => {
      assert.throws(() => db.exec("INSERT INTO once VALUES ('x')"));
      db.exec('DELETE FROM chat');
    });
  });
});

describe('PRAGMA foreign_keys', () => {
  test('the hazard: inside a transaction it does nothing, and the rebuild deletes the rows that refer to the table', () => {
    const raw = new Native(':memory:');
    raw.exec(schema);
    raw.transaction(() => raw.exec(rebuild.join(';')))();
    assert.equal(raw.prepare('SELECT count(*) FROM message').pluck().get(), 0);
    raw.close();
  });

  const runs: Record<string, (db: Database) => unknown> = {
    'as one text': db => db.exec(rebuild.join(';')),
    'statement by statement': db => rebuild.forEach(sql => db.prepare(sql).run()),
    'with pragma()': db => {
      db.pragma('foreign_keys(off)');
      db.exec(rebuild.slice(1, -1).join(';'));
    },
  };
  for (const [way, run] of Object.entries(runs)) {
    test(`${way}: refused with the option that the change needs, and with it the rows stay`, async t => {
      const { db, file } = open(t);
      const error = await assertRolledBack(db, () => run(db));
      assert.match((error.cause as Rejection).hint, /foreignKeys: 'off'/);
      const { foreignKeyViolations } = await db.withSnapshot(() => run(db), { foreignKeys: 'off' });
      assert.equal(foreignKeyViolations, 0);
      assert.equal(db.prepare('SELECT count(*) FROM message').pluck().get(), 3);
      assert.equal(db.pragma('foreign_keys', { simple: true }), 1);
      assert.match(stored(file), /"chat",\[\[1,"x"\],\[2,"y"\]\]/);
      const orphaned = await assertRolledBack(
        db,
        () => {
          run(db);
          db.exec('DELETE FROM chat WHERE id = 1');
        },
        { foreignKeys: 'off' },
      );
      assert.equal(orphaned.details.step, 'check');
      assert.equal(db.pragma('foreign_keys', { simple: true }), 1);
    });

    test(`${way}, in a transaction of its own: the same`, async t => {
      const { db } = open(t);
      const migrate = async (): Promise<void> => {
        db.exec('BEGIN');
        try {
          run(db);
          db.exec('COMMIT');
        } catch (error) {
          db.exec('ROLLBACK');
          throw error;
        }
        await turn();
      };
      const error = await rejection(db.withSnapshot(migrate, { transaction: 'own' }));
      assert.match((error.cause as Rejection).hint, /foreignKeys: 'off'/);
      await db.withSnapshot(migrate, { transaction: 'own', foreignKeys: 'off' });
      assert.equal(db.prepare('SELECT count(*) FROM message').pluck().get(), 3);
      assert.equal(db.pragma('foreign_keys', { simple: true }), 1);
    });
  }

  test('elsewhere a transaction that sets it without effect is warned of, and no other is', t => {
    const { db } = open(t);
    const warnings: string[] = [];
    db.events.on('warning', ({ code }) => warnings.push(code));
    db.exec('PRAGMA foreign_keys = OFF; BEGIN; INSERT INTO chat VALUES (3, 1); COMMIT; PRAGMA foreign_keys = ON');
    db.transaction(() => db.pragma('foreign_keys'))();
    db.transaction(() => db.pragma('foreign_keys = ON'))();
    assert.deepEqual(warnings, []);
    db.transaction(() => db.pragma('foreign_keys = OFF'))();
    assert.deepEqual(warnings, ['foreign-keys-unchanged']);
    db.exec('BEGIN; PRAGMA foreign_keys = OFF; ROLLBACK');
    assert.equal(warnings.length, 2);
  });
});

describe('violations that were there before', () => {
  test('are counted, and only new ones refuse the change', async t => {
    const { db } = open(t);
    db.exec('PRAGMA foreign_keys = OFF; INSERT INTO message VALUES (8, 98), (9, 99); PRAGMA foreign_keys = ON');
    assert.equal((await db.withSnapshot(() => db.exec('CREATE TABLE other (x)'))).foreignKeyViolations, 2);
    assert.equal((await db.withSnapshot(() => db.exec('DELETE FROM message WHERE id = 9'))).foreignKeyViolations, 1);
    await assertRolledBack(
      db,
      () => db.exec('UPDATE message SET id = 7 WHERE id = 8; INSERT INTO message VALUES (8, 98)'),
      {
        foreignKeys: 'off',
      },
    );
    // As many as before, but other ones.
    await assertRolledBack(db, () => db.exec('DELETE FROM message WHERE id = 8; INSERT INTO message VALUES (7, 97)'), {
      foreignKeys: 'off',
    });
  });

  const orphans = `
    PRAGMA foreign_keys = OFF;
    CREATE TABLE note (k TEXT PRIMARY KEY, chat REFERENCES chat (id));
    CREATE TABLE pair (a, b, rowid, FOREIGN KEY (a, b) REFERENCES ends (a, b));
    CREATE TABLE ends (a, b, PRIMARY KEY (a, b));
    CREATE TABLE bare (k TEXT PRIMARY KEY, chat REFERENCES chat (id)) WITHOUT ROWID;
    INSERT INTO note VALUES ('gone', 1), ('a', 77), ('b', 77), ('c', x'00ff'), ('d', 1);
    INSERT INTO pair VALUES (1, 'x', 5);
    INSERT INTO bare VALUES ('a', 77);
    DELETE FROM note WHERE k = 'gone';
    PRAGMA foreign_keys = ON;
  `;

  const harmless: Readonly<Record<string, string>> = {
    'a rebuilt table, whose rows are numbered anew': `
      CREATE TABLE new_note (k TEXT PRIMARY KEY, chat INTEGER REFERENCES chat (id), extra);
      INSERT INTO new_note SELECT k, chat, 1 FROM note; DROP TABLE note; ALTER TABLE new_note RENAME TO note`,
    'another type of the column': `
      CREATE TABLE new_note (k TEXT PRIMARY KEY, chat TEXT REFERENCES chat (id));
      INSERT INTO new_note SELECT k, chat FROM note; DROP TABLE note; ALTER TABLE new_note RENAME TO note`,
    'a renamed table': 'ALTER TABLE note RENAME TO remark; ALTER TABLE bare RENAME TO naked',
    'a renamed parent': 'ALTER TABLE chat RENAME TO conversation; ALTER TABLE ends RENAME TO tips',
    'a renamed column': 'ALTER TABLE note RENAME COLUMN chat TO talk; ALTER TABLE pair RENAME COLUMN a TO left_end',
    'rows that move': "UPDATE note SET k = k || 'x', rowid = rowid + 100; UPDATE bare SET k = 'z'",
    'one fewer': "DELETE FROM note WHERE k = 'b'",
  };
  for (const [name, sql] of Object.entries(harmless)) {
    test(`refuse nothing behind ${name}`, async t => {
      const { db } = open(t);
      db.exec(orphans);
      const { foreignKeyViolations } = await db.withSnapshot(() => db.exec(sql), { foreignKeys: 'off' });
      assert.equal(foreignKeyViolations, name === 'one fewer' ? 4 : 5);
    });
  }

  const harmful: Readonly<Record<string, string>> = {
    'another missing parent in the same row': "UPDATE note SET chat = 78 WHERE k = 'a'",
    'a row in the place of another': "DELETE FROM note WHERE k = 'a'; INSERT INTO note VALUES ('e', 99)",
    'one more to the same parent': "INSERT INTO note VALUES ('e', 77)",
    'a row of another table to it': 'INSERT INTO message VALUES (9, 77)',
    'a new table that refers to it': `
      CREATE TABLE more (chat REFERENCES chat (id)); INSERT INTO more VALUES (77)`,
    'a rebuild that keeps one row twice': `
      ALTER TABLE note RENAME TO old; CREATE TABLE note (k, chat REFERENCES chat (id));
      INSERT INTO note SELECT k, chat FROM old; INSERT INTO note SELECT k, chat FROM old; DROP TABLE old`,
    'one more in a table without a rowid': "INSERT INTO bare VALUES ('b', 78)",
  };
  for (const [name, sql] of Object.entries(harmful)) {
    test(`do not hide ${name}`, async t => {
      const { db } = open(t);
      db.exec(orphans);
      await assertRolledBack(db, () => db.exec(sql), { foreignKeys: 'off' });
    });
  }

  test('a foreign key without a parent key refuses nothing, and hides no other table', async t => {
    const { db } = open(t);
    db.exec(
      'CREATE TABLE p (a); CREATE TABLE c (x REFERENCES p (a)); PRAGMA foreign_keys = OFF; INSERT INTO c VALUES (7)',
    );
    await db.withSnapshot(() => db.exec('CREATE TABLE other (x)'));
    await assertRolledBack(db, () => db.exec('INSERT INTO message VALUES (9, 99)'));
    await assertRolledBack(db, () => db.exec('CREATE TABLE d (x REFERENCES p (a)); INSERT INTO d VALUES (1)'));
  });

  test('attached databases are checked as well', async t => {
    const { db, home } = open(t);
    db.attach(join(home, 'other.db'), 'other');
    db.exec('CREATE TABLE other.p (id INTEGER PRIMARY KEY); CREATE TABLE other.c (x REFERENCES p (id))');
    await assertRolledBack(db, () => db.exec('INSERT INTO other.c VALUES (1)'), { foreignKeys: 'off' });
    assert.equal(db.prepare('SELECT count(*) FROM other.c').pluck().get(), 0);
  });
});

describe('a change with transactions of its own', () => {
  test('may be async and commit; what it returns resolves', async t => {
    const { db } = open(t);
    const migrate = async (): Promise<string> => {
      db.exec("BEGIN; INSERT INTO chat VALUES (3, 'z'); COMMIT");
      await turn();
      await db.write(() => db.exec("INSERT INTO chat VALUES (4, 'z')"));
      return 'migrated';
    };
    const { value, snapshot } = await db.withSnapshot(migrate, { transaction: 'own' });
    assert.equal(value, 'migrated');
    assert.ok(snapshot !== null);
    assert.equal(db.prepare('SELECT count(*) FROM chat').pluck().get(), 4);
  });

  const failures: Record<string, [step: string, fail: (db: Database) => unknown]> = {
    'that throws half-way': ['change', () => assert.fail('half-way')],
    'that leaves rows without a parent': [
      'check',
      db => db.exec('PRAGMA foreign_keys=OFF; INSERT INTO message VALUES (9, 99)'),
    ],
    'that leaves a transaction open': ['check', db => db.exec('BEGIN')],
  };
  for (const [name, [step, fail]] of Object.entries(failures)) {
    test(`${name} says that it may be stored, and the hint leads back`, async t => {
      const { db, file } = open(t);
      const before = stored(file);
      const migrate = async (): Promise<void> => {
        db.exec("INSERT INTO chat VALUES (3, 'committed')");
        await turn();
        fail(db);
      };
      const error = await rejection(db.withSnapshot(migrate, { transaction: 'own' }));
      assert.deepEqual([error.details.step, error.details.outcome], [step, 'unknown']);
      assert.doesNotMatch(error.message + error.hint, /rolled back|as it was/);
      assert.notEqual(stored(file), before);
      assert.ok(error.hint.includes(`npx safe-sqlite restore ${error.details.snapshot} ${file}`));
      db.close();
      await restoreDatabase({ from: error.details.snapshot, to: file });
      assert.equal(stored(file), before);
    });
  }
});

test('a transaction that began while the snapshot was made: the change is not run, and that is what is said', async t => {
  const { db } = open(t);
  const promise = db.withSnapshot(() => assert.fail('must not run'));
  db.exec('BEGIN');
  const error = await rejection(promise);
  assert.deepEqual([error.details.step, error.details.outcome], ['begin', 'not-begun']);
  assert.doesNotMatch(error.message, /rolled back/);
  db.exec('COMMIT');
});

test('whatever the change does, what is said about it is what is stored', async t => {
  const { db, home, file } = open(t);
  db.attach(join(home, 'other.db'), 'other');
  db.exec('CREATE TABLE other.o (x)');
  const deeds: Record<string, (run: number) => unknown> = {
    insert: run => db.exec(`INSERT OR REPLACE INTO chat VALUES (${10 + (run % 5)}, ${run})`),
    attached: run => db.exec(`INSERT INTO other.o VALUES (${run})`),
    'delete with children': () => db.exec('DELETE FROM chat WHERE id = 1'),
    orphan: run => db.exec(`INSERT INTO message VALUES (${1000 + run}, 99)`),
    rebuild: () => db.exec(rebuild.join(';')),
    commit: () => db.exec('COMMIT'),
    lose: () => db.exec("INSERT INTO once VALUES ('x')"),
    'lose and catch': () => assert.throws(() => db.exec("INSERT INTO once VALUES ('x')")),
    iterate: () => db.prepare("INSERT INTO chat VALUES (50, 'i') RETURNING id").iterate().next(),
    throw: () => assert.fail('mine'),
  };
  const change = fc.record({
    deeds: fc.array(fc.constantFrom(...Object.keys(deeds)), { minLength: 1, maxLength: 4 }),
    foreignKeys: fc.constantFrom('keep' as const, 'off' as const),
    promise: fc.boolean(),
  });
  const other = (): string => stored(file) + stored(join(home, 'other.db'));
  await fc.assert(
    fc.asyncProperty(change, async ({ deeds: chosen, foreignKeys, promise }) => {
      const before = other();
      let run = 0;
      let [seen, said]: unknown[] = [];
      const perform = (): unknown => {
        for (const deed of chosen) deeds[deed]?.((run += 1));
        seen = JSON.stringify(db.prepare('SELECT * FROM chat ORDER BY id').all());
        return promise ? Promise.resolve() : 7;
      };
      try {
        const { snapshot } = await db.withSnapshot(perform, { foreignKeys, keep: 'on-failure' });
        assert.equal(snapshot, null);
        said = 'stored';
      } catch (error) {
        said = (error as Rejection).details.outcome;
      }
      assert.equal(db.inTransaction, false);
      assert.equal(db.pragma('foreign_keys', { simple: true }), 1);
      if (said === 'stored') assert.equal(JSON.stringify(db.prepare('SELECT * FROM chat ORDER BY id').all()), seen);
      else {
        assert.equal(said, 'rolled-back');
        assert.equal(other(), before);
      }
    }),
    { numRuns: process.env['LONG_TESTS'] === '1' ? 300 : 25 },
  );
});
