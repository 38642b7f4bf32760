/** Every public member at every moment that could go wrong: a clear error or the right result, and no harm done. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import Native from 'better-sqlite3';
import * as safeSqlite from 'safe-sqlite';
import { Database, installProcessGuard } from 'safe-sqlite';
import {
  databaseMembers,
  packageFunctions,
  readerMembers,
  statementMembers,
  type Member,
  type Subject,
} from './wrong-moments/members.mts';
import { makeSubject, outcomeOf } from './wrong-moments/subject.mts';

const named = (prefix: string, members: Readonly<Record<string, Member>>): [string, Member][] =>
  Object.entries(members).map(([name, member]) => [`${prefix}${name}`, member]);
const all = new Map([
  ...named('db.', databaseMembers),
  ...named('db.reader.', readerMembers),
  ...named('statement.', statementMembers),
  ...named('', packageFunctions),
]);

/** Members that ask SQLite nothing: they answer at every moment. */
const facts = [
  ...['name', 'open', 'inTransaction', 'readonly', 'memory', 'plan', 'events'].map(name => `db.${name}`),
  ...['source', 'reader', 'readonly', 'database', 'busy', 'toString'].map(name => `statement.${name}`),
  'db.defaultSafeIntegers',
  'inspectFilesystem',
  'diagnose',
  'readFence',
  'installProcessGuard',
  'closeAllDatabases',
];
const health = ['db.health', 'db.metrics', 'metricsText'];
const reading = ['db.reader', ...Object.keys(readerMembers).map(name => `db.reader.${name}`)];
const closing = ['db.close', 'db.Symbol(Symbol.dispose)', 'db.Symbol(Symbol.asyncDispose)'];
const opening = ['Database', 'openDatabase'];

interface Moment {
  /** Makes it so; what it returns is awaited before any member is called. */
  readonly prepare?: (subject: Subject) => unknown;
  /** Calls the member in the middle of something; returns what became of the call. */
  readonly around?: (subject: Subject, call: () => unknown) => Promise<string>;
  /** What each outcome is expected of; `otherwise` of every member that is not named. */
  readonly expected: Readonly<Record<string, readonly string[] | 'otherwise'>>;
  /** The connection works afterwards, unless the member closed it. */
  readonly usable: boolean;
}

const moments: Readonly<Record<string, Moment>> = {
  'the right moment': {
    expected: {
      ok: 'otherwise',
      // The library that is to be loaded does not exist.
      SqliteResultError: ['db.loadExtension'],
      // It is open.
      RestoreError: ['restoreDatabase'],
    },
    usable: true,
  },
  closed: {
    prepare: ({ db }) => db.close(),
    expected: {
      ClosedDatabaseError: 'otherwise',
      ok: [
        ...facts,
        ...closing,
        ...opening,
        // As in better-sqlite3: they only say how rows would look.
        ...['pluck', 'raw', 'expand', 'safeIntegers'].map(name => `statement.${name}`),
        'verifyDatabase',
        'restoreDatabase',
        'clearFence',
      ],
    },
    usable: false,
  },
  'inside a transaction': {
    prepare({ db, insert }) {
      db.exec('BEGIN IMMEDIATE');
      insert.run(4);
    },
    expected: {
      ok: 'otherwise',
      // Its own transaction is not joined, and does not end while it waits.
      SqliteBusyError: ['db.write'],
      SqliteLockedError: ['db.checkpoint', 'db.withSnapshot'],
      UnsafeStatementError: ['db.attach'],
      SqliteResultError: ['db.detach', 'db.loadExtension'],
      RestoreError: ['restoreDatabase'],
    },
    usable: true,
  },
  'while an iterator is open': {
    async around({ db }, call) {
      const rows = db.prepare<[], { a: number }>('SELECT a FROM t ORDER BY a').iterate();
      assert.equal(rows.next().value?.a, 1);
      const outcome = await outcomeOf(call);
      assert.equal(rows.next().value?.a, 2, 'it goes on');
      rows.return?.();
      return outcome;
    },
    expected: {
      ok: 'otherwise',
      // As better-sqlite3: the connection is busy executing a query.
      TypeError: [
        ...['exec', 'pragma', 'transaction', 'serialize', 'attach', 'detach'].map(name => `db.${name}`),
        ...['function', 'aggregate', 'table', 'loadExtension'].map(name => `db.${name}`),
        ...closing,
        'statement.run',
      ],
      SqliteBusyError: ['db.write'],
      BackupError: ['db.withSnapshot'],
      RestoreError: ['restoreDatabase'],
    },
    usable: true,
  },
  'in a user function': {
    async around({ db }, call) {
      let outcome: Promise<string> | undefined;
      db.function('ask', () => {
        outcome = outcomeOf(call);
        return 5;
      });
      assert.equal(db.prepare('SELECT ask()').pluck().get(), 5, 'the statement goes on');
      return (await outcome) ?? 'not called';
    },
    expected: {
      // As better-sqlite3: the connection is busy executing a query. What resolves later waits for the statement.
      TypeError: 'otherwise',
      ok: [
        ...facts,
        ...health,
        ...opening,
        'verifyDatabase',
        'clearFence',
        'db.Symbol(Symbol.asyncDispose)',
        ...['write', 'checkpoint', 'backup', 'withSnapshot', 'verify', 'unsafeMode'].map(name => `db.${name}`),
        ...reading,
      ],
      RestoreError: ['restoreDatabase'],
    },
    usable: true,
  },
  'in the function of db.write': {
    async around({ db, insert }, call) {
      let outcome: Promise<string> | undefined;
      await db.write(() => {
        insert.run(4);
        outcome = outcomeOf(call);
      });
      return (await outcome) ?? 'not called';
    },
    expected: {
      ok: 'otherwise',
      TypeError: ['db.write', 'db.close', 'db.Symbol(Symbol.dispose)'],
      SqliteLockedError: ['db.checkpoint', 'db.withSnapshot'],
      UnsafeStatementError: ['db.attach'],
      SqliteResultError: ['db.detach', 'db.loadExtension'],
      RestoreError: ['restoreDatabase'],
    },
    usable: true,
  },
  fenced: {
    // As another process does that met a failed fsync: every process that has the file open sees the marker.
    prepare({ db, file }) {
      const marker = { file, code: 'SQLITE_IOERR_FSYNC', operation: 'commit', message: 'disk I/O error' };
      writeFileSync(`${file}-fenced`, JSON.stringify(marker));
      return once(db.events, 'fenced');
    },
    expected: {
      FencedDatabaseError: 'otherwise',
      ok: [...facts, ...health, ...closing, 'verifyDatabase'],
      RestoreError: ['restoreDatabase'],
    },
    usable: false,
  },
  'after the file was renamed': {
    prepare({ db, file }) {
      renameSync(file, `${file}.moved`);
      return once(db.events, 'fileReplaced');
    },
    expected: {
      FileReplacedError: 'otherwise',
      ok: [...facts, ...health, ...closing, 'restoreDatabase', 'clearFence'],
      // Its -wal is still there, and would be deleted.
      OrphanedJournalError: opening,
      SqliteCantOpenError: ['verifyDatabase'],
    },
    usable: false,
  },
};

/** What is there for the language, Node and this library itself. */
const notMembers = new Set(['constructor', 'Symbol(nodejs.util.inspect.custom)', 'Symbol(safe-sqlite.original)']);

describe('the table', () => {
  test('names every member of Database and Statement, and every function of the package', () => {
    const db = new Database(':memory:');
    const statement = db.prepare('SELECT 1');
    const membersOf = (object: object): string[] =>
      [...Reflect.ownKeys(object), ...Reflect.ownKeys(Reflect.getPrototypeOf(object) ?? {})]
        .map(String)
        .filter(name => !notMembers.has(name));
    const functions = Object.entries(safeSqlite)
      .filter(([name, value]) => typeof value === 'function' && !name.endsWith('Error') && name !== 'default')
      .map(([name]) => name);
    db.close();
    assert.deepEqual(Object.keys(databaseMembers).toSorted(), [...new Set(membersOf(db))].toSorted());
    assert.deepEqual(Object.keys(readerMembers).toSorted(), ['all', 'get', 'iterate', 'snapshot', 'warm']);
    assert.deepEqual(Object.keys(statementMembers).toSorted(), [...new Set(membersOf(statement))].toSorted());
    assert.deepEqual(
      Object.keys(packageFunctions).toSorted(),
      functions.filter(name => name !== 'module.exports').toSorted(),
    );
  });
});

// Some five hundred databases, of which nothing has to outlive the test: where syncs cost nothing.
const quick = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** Each member with what is expected of it. */
function expectationOf({ expected }: Moment): Map<string, string> {
  const otherwise = Object.entries(expected).find(([, names]) => names === 'otherwise')?.[0] ?? '';
  const result = new Map([...all.keys()].map(name => [name, otherwise]));
  for (const [outcome, names] of Object.entries(expected)) {
    if (names === 'otherwise') continue;
    for (const name of names) {
      assert.ok(result.has(name), name);
      result.set(name, outcome);
    }
  }
  // It closes the subjects of the others: it is asked in a test of its own.
  result.delete('closeAllDatabases');
  return result;
}

/** What better-sqlite3 finds in the files, once no connection has them open. */
function soundRows(folder: string, name: string): number {
  const db = new Native(join(folder, name), { fileMustExist: true });
  try {
    assert.equal(db.pragma('integrity_check', { simple: true }), 'ok');
    return db.prepare<[], number>('SELECT count(*) FROM t WHERE a IN (1, 2, 3)').pluck().get() ?? 0;
  } finally {
    db.close();
  }
}

describe('what could go wrong if', () => {
  const root = mkdtempSync(join(quick, 'wrong-moments-'));
  after(() => rmSync(root, { recursive: true, force: true }));

  for (const [title, moment] of Object.entries(moments)) {
    test(title, async () => {
      const subjects = new Map<string, Subject>();
      for (const name of all.keys()) if (name !== 'closeAllDatabases') subjects.set(name, makeSubject(root, name));
      await Promise.all([...subjects.values()].map(subject => moment.prepare?.(subject)));
      const expected = expectationOf(moment);
      const became = new Map<string, string>();
      for (const [name, subject] of subjects) {
        const call = (): unknown => all.get(name)?.call(subject);
        became.set(name, await (moment.around?.(subject, call) ?? outcomeOf(call)));
      }
      assert.deepEqual(Object.fromEntries(became), Object.fromEntries(expected));
      for (const [name, { db, folder }] of subjects) {
        if (moment.usable && !closing.includes(name)) {
          if (db.inTransaction) db.exec('ROLLBACK');
          assert.ok(Number(db.prepare('SELECT count(*) FROM t').pluck().get()) >= 3, name);
          await db.write(() => db.exec('INSERT INTO t VALUES (9)'));
        }
        db.close();
        const rescued = readdirSync(folder).find(found => found.startsWith('a.db.rescued'));
        const place = rescued ?? 'a.db';
        // The read transaction of an open iterator, a rename: whatever it was, the three rows are there.
        assert.equal(existsSync(join(folder, place)), true, name);
        assert.equal(soundRows(folder, place), 3, name);
      }
    });
  }

  test('an argument has the wrong type', async () => {
    for (const [name, member] of all) {
      if (member.wrong === undefined) continue;
      const subject = makeSubject(root, name);
      const { wrong } = member;
      const outcome = await outcomeOf(() => wrong(subject));
      // InvalidOptionError is a TypeError too.
      assert.match(outcome, /^(TypeError|InvalidOptionError|RangeError)$/, name);
      assert.equal(subject.select.all().length, 3, name);
      subject.db.close();
      assert.equal(soundRows(subject.folder, 'a.db'), 3, name);
    }
  });

  test('in a worker thread: as in the main thread, and nothing of it is left', async () => {
    const folder = join(root, 'worker');
    mkdirSync(folder);
    const worker = new Worker(join(import.meta.dirname, 'wrong-moments/worker.scenario.mts'), { workerData: folder });
    // Together: if the thread ends right after its message, both arrive in the same turn.
    const told = Promise.all([once(worker, 'message'), once(worker, 'exit')]);
    const [[outcomes]] = (await told) as [[Record<string, string>], unknown];
    assert.deepEqual(outcomes, Object.fromEntries(expectationOf(moments['the right moment'] as Moment)));
    for (const name of readdirSync(folder)) assert.equal(soundRows(join(folder, name), 'a.db'), 3, name);
  });

  test('closeAllDatabases closes what is open at each of these moments, or says which it could not', () => {
    const idle = makeSubject(root, '');
    const transaction = makeSubject(root, '');
    transaction.db.exec('BEGIN IMMEDIATE');
    const iterating = makeSubject(root, '');
    const rows = iterating.select.iterate();
    rows.next();
    assert.throws(() => safeSqlite.closeAllDatabases(), TypeError);
    assert.deepEqual([idle.db.open, transaction.db.open, iterating.db.open], [false, false, true]);
    rows.return?.();
    safeSqlite.closeAllDatabases();
    assert.equal(iterating.db.open, false);
    safeSqlite.closeAllDatabases();
  });

  test('installProcessGuard beside an open database keeps the file to SQLite', () => {
    const { db, file } = makeSubject(root, '');
    const takeOff = installProcessGuard();
    try {
      assert.throws(() => writeFileSync(file, 'harm'), safeSqlite.SafeSqliteError);
    } finally {
      takeOff();
    }
    db.close();
  });
});

const full: Moment = {
  expected: {
    ok: 'otherwise',
    SqliteFullError: ['db.write', 'statement.run', 'db.checkpoint'],
    BackupError: ['db.backup', 'db.withSnapshot'],
    RestoreError: ['restoreDatabase'],
    SqliteResultError: ['db.loadExtension'],
  },
  usable: true,
};
const needsRoot = process.getuid?.() !== 0 && 'mounting a small filesystem needs root';

describe('the disk is full', { skip: needsRoot }, () => {
  test('what writes says so, what reads goes on, and everything goes on once there is room', async () => {
    const mount = mkdtempSync(join(tmpdir(), 'full-disk-'));
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', mount]);
    const subjects = new Map<string, Subject>();
    try {
      for (const name of all.keys()) if (name !== 'closeAllDatabases') subjects.set(name, makeSubject(mount, name));
      const filler = join(mount, 'filler');
      assert.throws(() => execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k'], { stdio: 'ignore' }));
      const became: Record<string, string> = {};
      for (const [name, subject] of subjects) {
        became[name] = await outcomeOf(() => all.get(name)?.call(subject));
      }
      assert.deepEqual(became, Object.fromEntries(expectationOf(full)));
      rmSync(filler);
      for (const [name, { db, insert, folder }] of subjects) {
        if (!closing.includes(name)) {
          insert.run(9);
          db.close();
        }
        assert.equal(soundRows(folder, 'a.db'), 3, name);
      }
    } finally {
      for (const { db } of subjects.values()) if (db.open) db.close();
      execFileSync('umount', ['-l', mount]);
      rmSync(mount, { recursive: true });
    }
  });
});
