// One restore: what stands at the target afterwards, what it refuses, and that the old state survives every failure.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { restoreDatabase } from '../../../dist/backup/restore/restore.js';
import { assertBank, backUp, bank, closedBank, folder, identityOf, names, Native, require } from '../fixture.mts';
import { contentOf, richDatabase } from '../rich.mts';

const nobody = { isOpenHere: () => false };
const dated = /\.before-restore-\d{8}T\d{9}Z/;

describe('what is restored', () => {
  for (const method of ['vacuum-into', 'online'] as const) {
    test(`every row, object and setting of a backup made with ${method}, its WAL included`, async t => {
      const home = folder(t);
      const db = richDatabase(t, join(home, 'a.db'));
      assert.ok(statSync(join(home, 'a.db-wal')).size > 0, 'rows stand in the WAL alone');
      await backUp(db, join(home, 'backup.db'), { method, verify: 'full' });
      const report = await restoreDatabase({ from: join(home, 'backup.db'), to: join(home, 'b.db') }, nobody);
      assert.deepEqual(contentOf(join(home, 'b.db')), contentOf(join(home, 'a.db')));
      assert.deepEqual([report.kept, report.verified, report.bytes], [[], 'full', statSync(join(home, 'b.db')).size]);
    });
  }

  for (const [pageSize, encoding, autoVacuum] of [
    [512, 'UTF-8', 'NONE'],
    [4096, 'UTF-16be', 'FULL'],
    [65_536, 'UTF-16le', 'NONE'],
  ] as const) {
    test(`pages of ${pageSize} bytes, ${encoding}, auto_vacuum ${autoVacuum}`, async t => {
      const home = folder(t);
      const file = join(home, 'a.db');
      richDatabase(t, file, { pageSize, encoding, autoVacuum });
      for (const method of ['vacuum-into', 'online'] as const) {
        const [from, to] = [join(home, `${method}.backup.db`), join(home, `${method}.db`)];
        const db = new Native(file);
        await backUp(db, from, { method });
        db.close();
        await restoreDatabase({ from, to }, nobody);
        assert.deepEqual(contentOf(to), contentOf(file));
      }
    });
  }

  test('a copy with a WAL beside it, as `cp` makes one: the rows in the WAL come along, and the copy stays as it is', async t => {
    const home = folder(t);
    const db = richDatabase(t, join(home, 'a.db'));
    mkdirSync(join(home, 'copy'));
    for (const name of ['a.db', 'a.db-wal']) copyFileSync(join(home, name), join(home, 'copy', name));
    const before = readFileSync(join(home, 'copy', 'a.db-wal'));
    await restoreDatabase({ from: join(home, 'copy', 'a.db'), to: join(home, 'b.db') }, nobody);
    assert.deepEqual(readFileSync(join(home, 'copy', 'a.db-wal')), before);
    assert.deepEqual(contentOf(join(home, 'b.db')), contentOf(db.name));
  });

  test('a backup in WAL mode has nothing beside it afterwards', async t => {
    const home = folder(t);
    closedBank(t, join(home, 'backup.db'), 'wal', 3);
    await restoreDatabase({ from: join(home, 'backup.db'), to: join(home, 'b.db') }, nobody);
    assert.deepEqual(names(home), ['b.db', 'backup.db']);
    assert.equal(assertBank(join(home, 'b.db'), 30), 3);
  });
});

describe('the old database', () => {
  for (const journal of ['wal', 'delete'] as const) {
    for (const crashed of [false, true]) {
      test(`${journal}, ${crashed ? 'after a crash' : 'closed'}: is kept, complete, under its dated name`, async t => {
        const home = folder(t);
        closedBank(t, join(home, 'backup.db'), 'delete', 1);
        closedBank(t, join(home, 'b.db'), journal, 7, crashed);
        const beside = names(home).filter(name => /-wal|-journal/.test(name));
        assert.equal(beside.length, crashed ? 1 : 0);
        chmodSync(join(home, 'b.db'), 0o640);
        const report = await restoreDatabase({ from: join(home, 'backup.db'), to: join(home, 'b.db') }, nobody);
        assert.equal(report.kept.length, 1);
        assert.match(report.kept[0] ?? '', dated);
        assert.equal(names(home).length, 3);
        assert.equal(assertBank(join(home, 'b.db'), 30), 1);
        assert.equal(assertBank(report.kept[0] ?? '', 30), 7);
        if (process.platform !== 'win32') assert.equal(statSync(join(home, 'b.db')).mode & 0o777, 0o640);
        assert.equal(statSync(join(home, 'b.db')).nlink, 1);
      });
    }
  }

  test('that SQLite cannot read is kept byte for byte, with its sidecars', async t => {
    const home = folder(t);
    closedBank(t, join(home, 'backup.db'), 'delete', 1);
    for (const suffix of ['', '-wal', '-journal'])
      writeFileSync(join(home, `b.db${suffix}`), `broken${suffix}`.repeat(900));
    const report = await restoreDatabase({ from: join(home, 'backup.db'), to: join(home, 'b.db') }, nobody);
    assert.equal(assertBank(join(home, 'b.db'), 30), 1);
    const [kept = ''] = report.kept;
    assert.deepEqual(report.kept.toSorted(), [kept, `${kept}-journal`, `${kept}-wal`]);
    for (const suffix of ['', '-wal', '-journal']) {
      assert.equal(readFileSync(kept + suffix, 'utf8'), `broken${suffix}`.repeat(900));
    }
    assert.deepEqual(
      names(home).filter(name => !dated.test(name)),
      ['b.db', 'backup.db'],
    );
  });

  test('that is gone, with its WAL left: the WAL is kept, and not put beside the new database', async t => {
    const home = folder(t);
    closedBank(t, join(home, 'backup.db'), 'delete', 1);
    closedBank(t, join(home, 'b.db'), 'wal', 7, true);
    rmSync(join(home, 'b.db'));
    const wal = readFileSync(join(home, 'b.db-wal'));
    // The hazard: a file that is simply copied there takes the stale WAL in.
    copyFileSync(join(home, 'backup.db'), join(home, 'raw.db'));
    copyFileSync(join(home, 'b.db-wal'), join(home, 'raw.db-wal'));
    const raw = new Native(join(home, 'raw.db'));
    let money: unknown;
    try {
      money = raw.prepare('SELECT transfers FROM total').pluck().get();
    } catch (error) {
      money = error;
    }
    assert.notEqual(money, 1, 'the hazard is there');
    raw.close();
    const report = await restoreDatabase({ from: join(home, 'backup.db'), to: join(home, 'b.db') }, nobody);
    assert.equal(assertBank(join(home, 'b.db'), 30), 1);
    assert.deepEqual(readFileSync(report.kept[0] ?? ''), wal);
    assert.equal(existsSync(join(home, 'b.db-wal')), false);
  });
});

describe('what is refused', () => {
  const refused = async (promise: Promise<unknown>, step: string, message: RegExp) =>
    assert.rejects(promise, (error: Error & { code: string; details: { step: string } }) => {
      assert.equal(error.code, 'SAFE_SQLITE_RESTORE_FAILED');
      assert.match(error.message, message);
      assert.equal(error.details.step, step);
      return true;
    });

  test('a target that this process has open', async t => {
    const home = folder(t);
    closedBank(t, join(home, 'backup.db'), 'delete', 1);
    const db = bank(t, join(home, 'b.db'), 'delete', 30);
    const open = identityOf(db.name);
    const isOpenHere = (identity: { ino: bigint }) => identity.ino === open.ino;
    await refused(
      restoreDatabase({ from: join(home, 'backup.db'), to: db.name }, { isOpenHere }),
      'target',
      /open in this process/,
    );
    // Also when the registry does not know of it: the descriptor is there.
    await refused(
      restoreDatabase({ from: join(home, 'backup.db'), to: db.name }, nobody),
      'target',
      /open in (?:process|another program)/,
    );
    assert.deepEqual(names(home), ['b.db', 'backup.db']);
  });

  for (const journal of ['wal', 'delete'] as const) {
    test(`a target that another process has open, ${journal}, idle`, async t => {
      const home = folder(t);
      closedBank(t, join(home, 'backup.db'), 'delete', 1);
      closedBank(t, join(home, 'b.db'), journal, 7);
      const child = spawn(process.execPath, [
        '-e',
        `const db = new (require(${JSON.stringify(require.resolve('better-sqlite3'))}))(${JSON.stringify(join(home, 'b.db'))});
         db.prepare('SELECT count(*) FROM account').get(); console.log('open'); process.stdin.resume();`,
      ]);
      t.after(() => child.kill('SIGKILL'));
      await once(child.stdout, 'data');
      await refused(
        restoreDatabase({ from: join(home, 'backup.db'), to: join(home, 'b.db') }, nobody),
        'target',
        process.platform === 'win32' ? /another program/ : new RegExp(`process ${child.pid}`),
      );
      child.kill('SIGKILL');
      await once(child, 'exit');
      const report = await restoreDatabase({ from: join(home, 'backup.db'), to: join(home, 'b.db') }, nobody);
      assert.equal(assertBank(report.kept[0] ?? '', 30), 7);
    });
  }

  test('a lock that appears after the check', async t => {
    const home = folder(t);
    closedBank(t, join(home, 'backup.db'), 'delete', 1);
    for (const [step, journal] of [
      ['fold', 'wal'],
      ['fold', 'delete'],
      ['swap', 'delete'],
    ] as const) {
      const path = join(home, `${step}-${journal}.db`);
      closedBank(t, path, journal, 7);
      let db: InstanceType<typeof Native> | undefined;
      const onStep = (each: string) => {
        if (each !== step) return;
        db = new Native(path);
        db.exec('BEGIN; SELECT count(*) FROM account');
      };
      const restore = restoreDatabase({ from: join(home, 'backup.db'), to: path }, { ...nobody, onStep });
      await assert.rejects(restore, { code: 'SAFE_SQLITE_RESTORE_FAILED' });
      db?.close();
      assert.equal(assertBank(path, 30), 7);
    }
    assert.deepEqual(
      names(home).filter(name => name.startsWith('.') || dated.test(name)),
      [],
    );
  });

  test('one that is opened after the check, and only idle', async t => {
    const home = folder(t);
    closedBank(t, join(home, 'backup.db'), 'delete', 1);
    const to = join(home, 'b.db');
    closedBank(t, to, 'delete', 7);
    let db: InstanceType<typeof Native> | undefined;
    const onStep = (step: string) => {
      if (step !== 'fold') return;
      db = new Native(to);
      db.prepare('SELECT count(*) FROM account').get();
    };
    await refused(
      restoreDatabase({ from: join(home, 'backup.db'), to }, { ...nobody, onStep }),
      'fold',
      /open in (?:process|another program)/,
    );
    db?.close();
    assert.equal(assertBank(to, 30), 7);
    assert.deepEqual(names(home), ['b.db', 'backup.db']);
  });

  test('a sidecar that comes between the fold and the exchange', async t => {
    const home = folder(t);
    closedBank(t, join(home, 'backup.db'), 'delete', 1);
    const to = join(home, 'b.db');
    closedBank(t, to, 'delete', 7);
    const onStep = (step: string) => step === 'swap' && writeFileSync(`${to}-shm`, 'of somebody');
    const restore = restoreDatabase({ from: join(home, 'backup.db'), to }, { ...nobody, onStep });
    await refused(restore, 'swap', /Something opened/);
    rmSync(`${to}-shm`);
    assert.equal(assertBank(to, 30), 7);
    assert.deepEqual(names(home), ['b.db', 'backup.db']);
  });

  test('a backup that is missing, damaged, no database, empty, or the target itself', async t => {
    const home = folder(t);
    closedBank(t, join(home, 'good.db'), 'delete', 1);
    closedBank(t, join(home, 'b.db'), 'delete', 7);
    const before = readFileSync(join(home, 'b.db'));
    copyFileSync(join(home, 'good.db'), join(home, 'cut.db'));
    truncateSync(join(home, 'cut.db'), statSync(join(home, 'cut.db')).size - 4096);
    copyFileSync(join(home, 'good.db'), join(home, 'torn.db'));
    const torn = readFileSync(join(home, 'torn.db'));
    torn.fill(0x41, 4096 * 2, 4096 * 3);
    writeFileSync(join(home, 'torn.db'), torn);
    writeFileSync(join(home, 'text.db'), 'not a database'.repeat(1000));
    writeFileSync(join(home, 'empty.db'), '');
    const cases = [
      ['none.db', 'target', /no backup/],
      ['cut.db', 'verify', /not sound: it could not be read: .*malformed/],
      ['torn.db', 'verify', /not sound/],
      ['text.db', 'verify', /not sound: it could not be read: .*not a database/],
      ['empty.db', 'verify', /it is empty/],
      ['b.db', 'target', /the backup itself/],
    ] as const;
    for (const [name, step, message] of cases) {
      await refused(restoreDatabase({ from: join(home, name), to: join(home, 'b.db') }, nobody), step, message);
      assert.deepEqual(readFileSync(join(home, 'b.db')), before, name);
    }
    assert.deepEqual(
      names(home).filter(name => name.startsWith('.')),
      [],
    );
  });

  test('a target that is a file of a database: SQLite would delete it, or this library take it for a fence', async t => {
    const home = folder(t);
    closedBank(t, join(home, 'backup.db'), 'delete', 1);
    closedBank(t, join(home, 'b.db'), 'delete', 7);
    for (const suffix of ['-wal', '-journal', '-shm', '-fenced', '-backup-id']) {
      const restore = restoreDatabase({ from: join(home, 'backup.db'), to: join(home, `b.db${suffix}`) }, nobody);
      await refused(restore, 'target', /is a file of the database/);
    }
    assert.deepEqual(names(home), ['b.db', 'backup.db']);
  });

  test('wrong options', async () => {
    for (const options of [
      undefined,
      {},
      { from: 'a' },
      { from: 'a', to: ' ' },
      { from: 'a', to: 'b', verify: 'off' },
      { from: 'a', to: 'b', force: true },
    ]) {
      await assert.rejects(restoreDatabase(options as never, nobody), { code: 'SAFE_SQLITE_INVALID_OPTION' });
    }
  });
});

describe('when it fails half-way', () => {
  test('a result that does not stand the last check is taken back', async t => {
    const home = folder(t);
    closedBank(t, join(home, 'backup.db'), 'delete', 1);
    for (const target of ['whole', 'broken', 'none'] as const) {
      const path = join(home, `${target}.db`);
      if (target === 'whole') closedBank(t, path, 'wal', 7, true);
      if (target === 'broken')
        for (const suffix of ['', '-wal', '-journal']) writeFileSync(path + suffix, 'broken'.repeat(900));
      const before = target === 'broken' ? readFileSync(path) : null;
      const onStep = (step: string) => {
        // The medium loses a page between the exchange and the check.
        if (step === 'check') truncateSync(path, 8192);
      };
      await assert.rejects(restoreDatabase({ from: join(home, 'backup.db'), to: path }, { ...nobody, onStep }), {
        message: /not sound in its place/,
      });
      if (target === 'whole') assert.equal(assertBank(path, 30), 7);
      if (before !== null)
        for (const suffix of ['', '-wal', '-journal']) assert.deepEqual(readFileSync(path + suffix), before);
      assert.equal(existsSync(path), target !== 'none');
      assert.deepEqual(
        names(home).filter(name => name.startsWith('.') || dated.test(name)),
        [],
      );
    }
  });
});
