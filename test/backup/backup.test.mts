// One backup: what it leaves at the destination, what it refuses, and that it never says what is not so.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { basename, join, resolve } from 'node:path';
import { describe, test } from 'node:test';
import { backup } from '../../dist/backup/backup.js';
import {
  alone,
  assertBank,
  backUp,
  bank,
  folder,
  identityOf,
  names,
  Native,
  sourceOf,
  startWriter,
} from './fixture.mts';
import { until } from '../support/until.mts';

const methods = ['vacuum-into', 'online'] as const;

for (const method of methods) {
  for (const journal of ['wal', 'delete'] as const) {
    describe(`${method}, ${journal}`, () => {
      test('puts a verified copy at the destination, and nothing beside it', async t => {
        const home = folder(t);
        const out = join(home, 'out');
        mkdirSync(out);
        const db = bank(t, join(home, 'a.db'), journal);
        db.pragma('user_version=7');
        const destination = join(out, 'copy.db');
        const result = await backUp(db, destination, { method, verify: 'full' });
        assert.deepEqual(names(out), ['copy.db']);
        const content = readFileSync(destination);
        assert.equal(result.sha256, createHash('sha256').update(content).digest('hex'));
        assert.equal(result.bytes, content.length);
        assert.equal(result.pages * 4096, content.length);
        assert.deepEqual(
          [result.path, result.totalPages, result.remainingPages, result.method, result.verified, result.userVersion],
          [destination, result.pages, 0, method, 'full', 7],
        );
        // Bytes 18 and 19 of the header: 1 for a rollback journal, 2 for WAL. https://sqlite.org/fileformat2.html
        assert.deepEqual([content[18], content[19]], [1, 1]);
        assertBank(destination);
      });

      test('holds the invariant under a foreign writer that commits every 5 ms, and is not starved', async t => {
        const home = folder(t);
        const accounts = 20_000;
        const db = bank(t, join(home, 'a.db'), journal, accounts);
        db.pragma('busy_timeout=10000');
        const idle = await backUp(db, join(home, 'idle.db'), { method });
        const writer = await startWriter(t, join(home, 'a.db'), 5);
        const before = writer.commits();
        const busy = await backUp(db, join(home, 'busy.db'), { method });
        const during = writer.commits() - before;
        await writer.stop();
        assertBank(join(home, 'idle.db'), accounts);
        const transfers = assertBank(join(home, 'busy.db'), accounts);
        assert.ok(transfers >= 1, 'the copy was taken while the writer was at work');
        t.diagnostic(
          `${(idle.bytes / 1e6).toFixed(0)} MB: idle ${idle.durationMs.toFixed(0)} ms, with ${during} foreign commits ${busy.durationMs.toFixed(0)} ms`,
        );
      });

      test('replaces an old backup only with `overwrite`, and leaves one file', async t => {
        const home = folder(t);
        const out = join(home, 'out');
        mkdirSync(out);
        const db = bank(t, join(home, 'a.db'), journal, 10);
        const destination = join(out, 'copy.db');
        writeFileSync(destination, 'old');
        await assert.rejects(backUp(db, destination, { method }), { code: 'SAFE_SQLITE_BACKUP_FAILED' });
        assert.equal(readFileSync(destination, 'utf8'), 'old');
        await backUp(db, destination, { method, overwrite: true });
        assertBank(destination, 10);
        assert.deepEqual(names(out), ['copy.db']);
        assert.equal(statSync(destination).nlink, 1);
      });
    });
  }
}

describe('false success', () => {
  test('better-sqlite3 says that a backup is done which is not there; ours rejects with the lock', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'delete', 10);
    db.pragma('busy_timeout=50');
    const other = new Native(join(home, 'a.db'));
    t.after(() => other.close());
    other.exec('BEGIN EXCLUSIVE');
    const raw = await db.backup(join(home, 'raw.db'));
    assert.deepEqual([raw.totalPages, existsSync(join(home, 'raw.db'))], [0, false], 'the hazard is there');
    for (const method of methods) {
      await assert.rejects(
        backup({ ...sourceOf(db), busyTimeoutMs: 50 }, join(home, 'ours.db'), { method }, alone),
        (error: Error & { code: string; details: object; cause: { code: string } }) => {
          assert.equal(error.code, 'SAFE_SQLITE_BACKUP_FAILED');
          assert.equal((error.details as { step: string }).step, 'copy');
          assert.equal(error.cause.code, 'SQLITE_BUSY');
          return true;
        },
      );
      assert.deepEqual(
        names(home).filter(name => !name.startsWith('a.db')),
        [],
      );
    }
  });

  test('a backup inside a write transaction of the same connection copies what is committed', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 10);
    db.exec('BEGIN IMMEDIATE; DELETE FROM account');
    const raw = await db.backup(join(home, 'raw.db'));
    assert.deepEqual([raw.totalPages, existsSync(join(home, 'raw.db'))], [0, false], 'the hazard is there');
    for (const method of methods) {
      await backUp(db, join(home, `${method}.db`), { method });
      assertBank(join(home, `${method}.db`), 10);
    }
    db.exec('ROLLBACK');
  });

  test('a damaged source is no backup, and the old one stays', async t => {
    const home = folder(t);
    const file = join(home, 'a.db');
    const db = new Native(file);
    db.exec('CREATE TABLE t (a, b); CREATE INDEX i ON t (a); INSERT INTO t VALUES (1, 2)');
    // The index loses its table's row: no read fails, only a full check sees it.
    db.unsafeMode(true);
    db.pragma('writable_schema=ON');
    db.exec(
      `UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 't') WHERE name = 'i'`,
    );
    db.close();
    const damaged = new Native(file);
    t.after(() => damaged.close());
    writeFileSync(join(home, 'copy.db'), 'old');
    await assert.rejects(
      backUp(damaged, join(home, 'copy.db'), { method: 'online', verify: 'full', overwrite: true }),
      {
        code: 'SAFE_SQLITE_BACKUP_FAILED',
        message: /not sound/,
      },
    );
    assert.deepEqual(names(home), ['a.db', 'copy.db']);
    assert.equal(readFileSync(join(home, 'copy.db'), 'utf8'), 'old');
  });
});

describe('destinations that are refused', () => {
  const refused = async (promise: Promise<unknown>, message: RegExp) =>
    assert.rejects(promise, (error: Error & { code: string; details: { step: string } }) => {
      assert.equal(error.code, 'SAFE_SQLITE_BACKUP_FAILED');
      assert.equal(error.details.step, 'destination');
      assert.match(error.message, message);
      return true;
    });

  test('the database itself, its sidecars, and other names of it', async t => {
    const home = folder(t);
    const file = join(home, 'a.db');
    const db = bank(t, file, 'wal', 10);
    symlinkSync(file, join(home, 'symbolic.db'));
    // Wine says that it has made a symbolic link, and makes none.
    const isImitated = !existsSync(join(home, 'symbolic.db'));
    linkSync(file, join(home, 'hard.db'));
    for (const path of [
      'a.db',
      ...(isImitated ? [] : ['symbolic.db']),
      'hard.db',
      'a.db-wal',
      'a.db-shm',
      'a.db-journal',
      // What this library reads beside a database: the first would fence it.
      'a.db-fenced',
      'a.db-backup-id',
      join('..', basename(home), 'a.db'),
    ]) {
      await refused(backUp(db, join(home, path), { overwrite: true }), /the database itself|file of the database/);
    }
    // Windows removes no name of an open file.
    db.close();
    rmSync(join(home, 'hard.db'));
    assertBank(file, 10);
  });

  test('a database that is open here, one that is in use, a directory, a missing folder, a dangling link', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 10);
    const other = bank(t, join(home, 'b.db'), 'delete', 10);
    const open = identityOf(other.name);
    const isOpenHere = (identity: { ino: bigint }) => identity.ino === open.ino;
    await refused(backUp(db, other.name, { overwrite: true }, { isOpenHere }), /open as a database/);
    const inUse = bank(t, join(home, 'c.db'), 'wal', 10);
    await refused(backUp(db, inUse.name, { overwrite: true }), /in use|open in another program/);
    writeFileSync(join(home, 'new.db-journal'), 'x');
    await refused(backUp(db, join(home, 'new.db')), /would be taken by SQLite for a part/);
    await refused(backUp(db, home, { overwrite: true }), /not a regular file/);
    await refused(backUp(db, join(home, 'none', 'x.db')), /does not exist/);
    symlinkSync(join(home, 'nowhere'), join(home, 'dangling.db'));
    const isImitated = lstatSync(join(home, 'dangling.db'), { throwIfNoEntry: false }) === undefined;
    if (!isImitated) await refused(backUp(db, join(home, 'dangling.db')), /symbolic link/);
  });

  const linux = process.platform !== 'linux' && 'mkfifo and device nodes';
  test('a FIFO, a socket, a device; and the files of another database that is closed', { skip: linux }, async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 10);
    execFileSync('mkfifo', [join(home, 'fifo')]);
    const server = createServer().listen(join(home, 'socket'));
    t.after(() => server.close());
    await once(server, 'listening');
    bank(t, join(home, 'other.db'), 'delete', 10).close();
    for (const overwrite of [undefined, true]) {
      for (const path of ['fifo', 'socket', '/dev/null']) {
        await refused(backUp(db, resolve(home, path), { overwrite }), /not a regular file/);
      }
      for (const suffix of ['-wal', '-journal', '-shm', '-fenced', '-backup-id']) {
        await refused(backUp(db, join(home, `other.db${suffix}`), { overwrite }), /is a file of the database/);
      }
    }
    // Such a name without its database is a name like any other.
    await backUp(db, join(home, 'none-wal'));
    assertBank(join(home, 'none-wal'), 10);
  });

  test('wrong arguments are TypeErrors, as in better-sqlite3', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 10);
    const wrong: [unknown, unknown][] = [
      [undefined, {}],
      ['', {}],
      ['  ', {}],
      [':memory:', {}],
      ['x.db', 5],
      ['x.db', { attached: '' }],
      ['x.db', { progress: 5 }],
      ['x.db', { methode: 'online' }],
      ['x.db', { method: 'fast' }],
      ['x.db', { pagesPerSecond: 0 }],
      ['x.db', { method: 'vacuum-into', pagesPerSecond: 5 }],
    ];
    for (const [destination, options] of wrong) {
      const before = names(process.cwd());
      await assert.rejects(backUp(db, destination as string, options as object), error => error instanceof TypeError);
      assert.deepEqual(names(process.cwd()), before);
    }
  });

  test('one that is opened, or a copy that grows, while the backup runs: refused at the last step', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 10);
    const destination = join(home, 'copy.db');
    bank(t, destination, 'delete', 5).close();
    const opened = backUp(
      db,
      destination,
      {},
      {
        onStep: step =>
          step === 'publish' && writeFileSync(`${destination}-wal`, 'of a process that has just opened it'),
      },
    );
    await assert.rejects(opened, /in use/);
    rmSync(`${destination}-wal`);
    assertBank(destination, 5);
    const grown = backUp(
      db,
      destination,
      {},
      {
        onStep(step) {
          if (step !== 'seal') return;
          const hidden = names(home).find(name => name.endsWith('.tmp')) ?? '';
          appendFileSync(join(home, hidden, 'copy.tmp'), 'x');
        },
      },
    );
    await assert.rejects(grown, /were checked|not sound/);
    assertBank(destination, 5);
  });

  test('a file that appears at the destination while the backup runs is not replaced', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 10);
    const destination = join(home, 'copy.db');
    const onStep = (step: string) => step === 'publish' && writeFileSync(destination, 'somebody else');
    await assert.rejects(backUp(db, destination, {}, { onStep }), { message: /step: publish.*EEXIST/ });
    assert.equal(readFileSync(destination, 'utf8'), 'somebody else');
    assert.deepEqual(
      names(home).filter(name => name.startsWith('.')),
      [],
    );
  });
});

describe('sources', () => {
  test('a database in memory and a temporary one are copied by the calling connection', async t => {
    const home = folder(t);
    for (const name of [':memory:', '']) {
      const db = new Native(name);
      t.after(() => db.close());
      db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (42)');
      for (const method of methods) {
        const destination = join(home, `${name.length}-${method}.db`);
        await backUp(db, destination, { method });
        const copy = new Native(destination);
        assert.deepEqual(copy.prepare('SELECT a FROM t').pluck().all(), [42]);
        copy.close();
      }
    }
  });

  test('an attached database, in a file or in memory, by its schema name', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 10);
    db.exec(
      `ATTACH ${JSON.stringify(join(home, 'side.db'))} AS side; CREATE TABLE side.t (a); INSERT INTO side.t VALUES (1)`,
    );
    db.exec(`ATTACH ':memory:' AS ram; CREATE TABLE ram.t (a); INSERT INTO ram.t VALUES (2)`);
    for (const method of methods) {
      for (const [attached, value] of [
        ['side', 1],
        ['ram', 2],
      ] as const) {
        const destination = join(home, `${attached}-${method}.db`);
        await backUp(db, destination, { method, attached });
        const copy = new Native(destination);
        assert.deepEqual(copy.prepare('SELECT a FROM t').pluck().all(), [value]);
        copy.close();
      }
    }
    await assert.rejects(backUp(db, join(home, 'x.db'), { attached: 'none' }), { message: /no attached database/ });
    await assert.rejects(backUp(db, join(home, 'side.db'), { attached: 'side', overwrite: true }), {
      message: /itself/,
    });
  });

  test('a schema that needs functions of the connection is copied page by page, unless a method is named', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 10);
    db.function('twice', { deterministic: true }, (x: unknown) => Number(x) * 2);
    db.exec('CREATE INDEX twice_index ON account (twice(balance))');
    await assert.rejects(backUp(db, join(home, 'v.db'), { method: 'vacuum-into' }), {
      code: 'SAFE_SQLITE_BACKUP_FAILED',
    });
    assert.equal((await backUp(db, join(home, 'o.db'))).method, 'online');
    assert.deepEqual(
      names(home).filter(name => name.startsWith('.')),
      [],
    );
  });

  test('rows that refer to nothing are counted, and are no fault of the copy', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 10);
    db.pragma('foreign_keys=OFF');
    db.exec('INSERT INTO transfer (source, target) VALUES (900, 901)');
    const result = await backUp(db, join(home, 'copy.db'));
    assert.equal(result.foreignKeyViolations, 2);
  });

  test('the copy is as private as its source', { skip: process.platform === 'win32' && 'no modes' }, async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 10);
    chmodSync(join(home, 'a.db'), 0o600);
    const seen = new Set<number>();
    const onStep = () => {
      for (const name of names(home).filter(each => each.startsWith('.safe'))) {
        seen.add(statSync(join(home, name)).mode & 0o777);
      }
    };
    await backUp(db, join(home, 'copy.db'), {}, { onStep });
    assert.deepEqual([...seen], [0o700], 'built in a folder that nobody else can enter');
    assert.equal(statSync(join(home, 'copy.db')).mode & 0o777, 0o600);
  });
});

describe('steering', () => {
  test('progress works as in better-sqlite3: page counts in, number of pages out', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 2000);
    const run = async (
      start: (progress: (p: { totalPages: number; remainingPages: number }) => number) => Promise<unknown>,
    ) => {
      const seen: number[] = [];
      await start(({ totalPages, remainingPages }) => {
        seen.push(totalPages - remainingPages);
        return seen.length === 3 ? 0 : 50;
      });
      return seen;
    };
    const raw = await run(progress => db.backup(join(home, 'raw.db'), { progress }));
    const ours = await run(progress => backUp(db, join(home, 'ours.db'), { progress }));
    assert.deepEqual(ours, raw);
    assert.ok(raw.length > 4);
  });

  test('progress that returns 0, less, fractions, too much, NaN or null, as in better-sqlite3', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 2000);
    for (const [name, returned] of [
      ['less than nothing, then all', [-5, 1e9]],
      ['nothing, then all', [0, 0, Infinity]],
      ['a fraction', [10.5, 20.4, 1e9]],
      ['minus infinity', [-Infinity, 1e9]],
      ['no number', [NaN]],
      ['null', [null]],
      ['text', ['10']],
      ['a bigint', [10n]],
    ] as const) {
      const outcomes: unknown[] = [];
      for (const start of [
        (progress: () => number) => db.backup(join(home, 'raw.db'), { progress }),
        (progress: () => number) => backUp(db, join(home, 'ours.db'), { progress }),
      ]) {
        const seen: number[] = [];
        const answer = ({ totalPages, remainingPages }: { totalPages: number; remainingPages: number }): number =>
          returned[Math.min(seen.push(totalPages - remainingPages), returned.length) - 1] as number;
        const outcome = await start(answer as () => number).then(
          () => 'made',
          (error: Error) => ((error.cause as Error | undefined) ?? error).message,
        );
        outcomes.push([outcome, seen]);
      }
      assert.deepEqual(outcomes[1], outcomes[0], name);
    }
  });

  test('vacuum-into reports the growth of the file', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 2000);
    const seen: { totalPages: number; remainingPages: number }[] = [];
    await backUp(db, join(home, 'copy.db'), { method: 'vacuum-into', progress: p => void seen.push(p) });
    assert.ok(seen.length >= 1);
    assert.ok(seen.every(({ totalPages, remainingPages }) => remainingPages >= 1 && remainingPages <= totalPages));
  });

  test('a progress callback that throws, or answers nonsense, ends the backup', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 2000);
    const wrong = new Error('listener');
    for (const method of methods) {
      const fail = backUp(db, join(home, 'copy.db'), {
        method,
        progress: () => {
          throw wrong;
        },
      });
      await assert.rejects(fail, (error: Error) => error.cause === wrong);
      const nonsense = backUp(db, join(home, 'copy.db'), { method, progress: (() => 'x') as never });
      await assert.rejects(nonsense, { message: /number or undefined/ });
      assert.deepEqual(
        names(home).filter(name => !name.startsWith('a.db')),
        [],
      );
    }
  });

  test('a rate limit is kept', async t => {
    const home = folder(t);
    const db = bank(t, join(home, 'a.db'), 'wal', 2000);
    const pages = db.pragma('page_count', { simple: true }) as number;
    const result = await backUp(db, join(home, 'copy.db'), { pagesPerSecond: pages * 2 });
    assert.equal(result.method, 'online');
    assert.ok(result.durationMs >= 480, `half a second of copying took ${result.durationMs} ms`);
  });

  for (const method of methods) {
    test(`${method}: an abort rejects at once, leaves nothing, and the next backup works`, async t => {
      const home = folder(t);
      const db = bank(t, join(home, 'a.db'), 'wal', 60_000);
      const abort = new AbortController();
      const reason = new Error('changed my mind');
      const onStep = (step: string) => {
        if (step !== 'copy') return;
        setTimeout(() => abort.abort(reason), 20);
      };
      const started = backUp(db, join(home, 'copy.db'), { method, signal: abort.signal }, { onStep });
      await assert.rejects(started, (error: Error & { details: { aborted: boolean } }) => {
        assert.equal(error.cause, reason);
        assert.equal(error.details.aborted, true);
        return true;
      });
      await backUp(db, join(home, 'next.db'));
      assert.deepEqual(
        names(home).filter(name => !name.startsWith('a.db')),
        ['next.db'],
      );
    });
  }
});

describe('an abort', () => {
  const steps = [
    'source',
    'destination',
    'temporary',
    'copy',
    'fold',
    'verify',
    'seal',
    'transfer',
    'publish',
  ] as const;
  for (const at of steps) {
    test(`at the step ${at} rejects, leaves nothing, and keeps the old backup`, async t => {
      const home = folder(t);
      const out = join(home, 'out');
      mkdirSync(out);
      const db = bank(t, join(home, 'a.db'), 'wal', 200);
      const to = join(out, 'copy.db');
      writeFileSync(to, 'old');
      const abort = new AbortController();
      const reason = new Error('changed my mind');
      const backup = backUp(
        db,
        to,
        { method: 'online', overwrite: true, signal: abort.signal },
        {
          isNetwork: path => path === out,
          onStep: step => step === at && abort.abort(reason),
        },
      );
      // What has begun to take its name is finished: half of it could be neither kept nor undone.
      if (at === 'publish') await backup;
      else await assert.rejects(backup, { code: 'SAFE_SQLITE_BACKUP_FAILED', cause: reason });
      if (at === 'publish') assertBank(to, 200);
      else assert.equal(readFileSync(to, 'utf8'), 'old');
      await until(() => !names(home).some(name => name.startsWith('.')), 'the hidden file is removed');
      assert.deepEqual(names(out), ['copy.db']);
    });
  }
});

describe('a destination on another machine', () => {
  test('is built beside the database, verified there, carried over, compared', async t => {
    const home = folder(t);
    const out = join(home, 'mount');
    mkdirSync(out);
    const db = bank(t, join(home, 'a.db'), 'wal', 100);
    const steps: string[] = [];
    const during: string[][] = [];
    const onStep = (step: string) => {
      steps.push(step);
      const arrived = names(out).map(name => join(out, name, 'arrived.tmp'));
      during.push(arrived.map(file => String(existsSync(file) && statSync(file).size > 0)));
    };
    const result = await backUp(db, join(out, 'copy.db'), {}, { onStep, isNetwork: path => path === out });
    assert.deepEqual(steps, ['source', 'destination', 'temporary', 'copy', 'verify', 'seal', 'transfer', 'publish']);
    assert.deepEqual(during[5], ['false'], 'SQLite wrote nothing there');
    assert.equal(
      result.sha256,
      createHash('sha256')
        .update(readFileSync(join(out, 'copy.db')))
        .digest('hex'),
    );
    assert.deepEqual(names(out), ['copy.db']);
    assert.deepEqual(names(home), ['a.db', 'a.db-shm', 'a.db-wal', 'mount']);
  });
});
