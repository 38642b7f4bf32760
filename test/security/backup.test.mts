/** A service and a stranger plant, exchange and foresee the names that backups and restores of root work with. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { restoreDatabase, verifyDatabase } from 'safe-sqlite';
import { listBackups, stampOf } from '../../dist/backup/folder.js';
import { startSchedule } from '../../dist/backup/schedule.js';
import { assertBank, backUp, closedBank, dist, Native } from '../backup/fixture.mts';
import { until } from '../support/until.mts';
import { runAs, service, shellAs, sharedFolder, stranger, usersSkip } from './users.mts';

const hour = 3_600_000;

describe('among other users', { skip: usersSkip() }, () => {
  let root: string;
  let remove: () => void;
  /** A folder of the service, in one of root. */
  let owned: string;
  /** An empty file and a folder of root that no other user may write. */
  let victim: string;
  let victimFolder: string;

  beforeEach(() => {
    ({ path: root, remove } = sharedFolder());
    owned = join(root, 'service');
    mkdirSync(owned);
    chownSync(owned, service, service);
    victim = join(root, 'victim');
    writeFileSync(victim, '', { mode: 0o600 });
    victimFolder = join(root, 'etc');
    mkdirSync(victimFolder, { mode: 0o700 });
    closedBank({ after: () => {} }, join(root, 'app.db'), 'delete', 3);
  });
  afterEach(() => remove());

  /** Puts a link to the victim, or to the folder of the victim, in the place of everything hidden that the service may move. */
  const exchangeHidden = (): void => {
    for (const name of readdirSync(owned).filter(each => each.startsWith('.safe-sqlite'))) {
      const path = join(owned, name);
      const target = lstatSync(path).isDirectory() ? victimFolder : victim;
      shellAs(service, `mv ${path} ${path}.away && ln -s ${target} ${path}`);
    }
  };
  const assertUntouched = (): void => {
    assert.equal(statSync(victim).size, 0);
    assert.deepEqual(readdirSync(victimFolder), []);
  };

  test('the attack: a temporary file that is opened again by its name is written elsewhere', () => {
    const temporary = join(owned, 'copy.tmp');
    writeFileSync(temporary, '');
    shellAs(service, `mv ${temporary} ${temporary}.away && ln -s ${victim} ${temporary}`);
    const db = new Native(join(root, 'app.db'));
    db.prepare('VACUUM INTO ?').run(temporary);
    db.close();
    assert.ok(statSync(victim).size > 0, 'the hazard is there');
  });

  for (const method of ['vacuum-into', 'online'] as const) {
    test(`${method}: whatever is exchanged before each step, root writes the copy and nothing else`, async () => {
      const db = new Native(join(root, 'app.db'));
      try {
        const to = join(owned, 'backup.db');
        const result = await backUp(db, to, { method }, { onStep: exchangeHidden });
        assertUntouched();
        assert.equal(result.bytes, statSync(to).size);
        assert.equal(assertBank(to, 30), 3);
        assert.deepEqual(readdirSync(owned), ['backup.db']);
        assert.deepEqual(
          readdirSync(root).filter(name => name.startsWith('.')),
          [],
        );
      } finally {
        db.close();
      }
    });
  }

  test('the folder of the destination is exchanged before the last step: nothing comes to stand in the other one', async () => {
    const folder = join(owned, 'backups');
    mkdirSync(folder);
    chownSync(folder, service, service);
    const db = new Native(join(root, 'app.db'));
    try {
      const onStep = (step: string) => {
        if (step === 'publish') shellAs(service, `mv ${folder} ${folder}.away && ln -s ${victimFolder} ${folder}`);
      };
      await assert.rejects(backUp(db, join(folder, 'backup.db'), {}, { onStep }), {
        code: 'SAFE_SQLITE_BACKUP_FAILED',
        message: /it, or its folder, has been moved/,
      });
      assertUntouched();
    } finally {
      db.close();
    }
  });

  test('a fence marker is kept beside the old database without following a link that waits there', async () => {
    const [to, from] = [join(owned, 'app.db'), join(root, 'backup.db')];
    renameSync(join(root, 'app.db'), from);
    closedBank({ after: () => {} }, to, 'delete', 7);
    writeFileSync(`${to}-fenced`, 'text of the service');
    chownSync(to, service, service);
    chownSync(`${to}-fenced`, service, service);
    // The name has the time in it: the service plants one for every millisecond of the next half minute.
    const now = Date.now();
    for (let ms = 0; ms < 30_000; ms++) symlinkSync(victim, `${to}.before-restore-${stampOf(now + ms)}-fenced`);
    const { kept, path } = await restoreDatabase({ from, to });
    assertUntouched();
    const [old = ''] = kept;
    assert.ok(lstatSync(`${old}-fenced`).isFile());
    assert.equal(readFileSync(`${old}-fenced`, 'utf8'), 'text of the service');
    assert.equal(existsSync(`${path}-fenced`), false);
    assert.equal(statSync(path).uid, service);
  });

  for (const [what, link, from] of [
    ['file', 'backup.db', 'backup.db'],
    ['folder', 'backups', 'backups/secret.db'],
  ] as const) {
    test(`a restore from behind a link of the service (${what}) does not give it a database of root`, async () => {
      const [secret, target] = [join(victimFolder, 'secret.db'), join(owned, 'app.db')];
      new Native(secret).exec("CREATE TABLE s (a); INSERT INTO s VALUES ('secret')").close();
      shellAs(service, `ln -s ${what === 'file' ? secret : victimFolder} ${join(owned, link)}`);
      writeFileSync(target, '');
      chownSync(target, service, service);
      await assert.rejects(restoreDatabase({ from: join(owned, from), to: target }), {
        name: 'RestoreError',
        message: new RegExp(`is a symbolic link of user ${service}`),
      });
      assert.equal(statSync(target).size, 0);
      // A link of root leads where root wants.
      const trusted = join(root, 'trusted.db');
      symlinkSync(secret, trusted);
      await restoreDatabase({ from: trusted, to: target });
      assert.match(readFileSync(target, 'latin1'), /secret/);
    });
  }

  test('a restore over a file that a stranger put into a shared folder does not give it to the stranger', async () => {
    const shared = join(root, 'shared');
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const [from, to] = [join(root, 'app.db'), join(shared, 'app.db')];
    shellAs(stranger, `touch ${to}`);
    await assert.rejects(restoreDatabase({ from, to }), {
      name: 'RestoreError',
      message: new RegExp(`belongs to user ${stranger}, and anyone may have taken`),
      hint: new RegExp(`setpriv --reuid=${stranger} `),
    });
    assert.equal(statSync(to).size, 0);
    assert.deepEqual(readdirSync(shared), ['app.db']);
  });

  test('a restore over a file that the sticky bit keeps from this user leaves it with one name', () => {
    const shared = join(root, 'shared');
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const [from, to] = [join(owned, 'own.db'), join(shared, 'app.db')];
    shellAs(stranger, `umask 0; touch ${to}`);
    shellAs(service, `cp ${join(root, 'app.db')} ${from}`);
    const line = `require('${dist('index.js')}').restoreDatabase({ from: '${from}', to: '${to}' }).catch(error => console.log(error.name, error.message))`;
    assert.match(runAs(service, process.execPath, '-e', line).stdout, /^RestoreError .*only that user may replace it/);
    assert.equal(statSync(to).nlink, 1);
    assert.deepEqual(readdirSync(shared), ['app.db']);
    // And the user of the database restores it.
    chmodSync(from, 0o644);
    const { stdout } = runAs(stranger, process.execPath, '-e', line);
    assert.equal(stdout, '');
    assert.ok(statSync(to).size > 0);
  });

  test('a restore of root writes nothing but the database, whatever is exchanged before each step', async () => {
    const { restoreDatabase: restore } = await import('../../dist/backup/restore/restore.js');
    const to = join(owned, 'app.db');
    closedBank({ after: () => {} }, to, 'wal', 7, true);
    for (const name of readdirSync(owned)) chownSync(join(owned, name), service, service);
    chmodSync(to, 0o640);
    await restore({ from: join(root, 'app.db'), to }, { isOpenHere: () => false, onStep: exchangeHidden });
    assertUntouched();
    assert.equal(assertBank(to, 30), 3);
    const { uid, gid, mode } = statSync(to);
    assert.deepEqual([uid, gid, mode & 0o777], [service, service, 0o640]);
  });

  test('files of others in a shared folder count for nothing, and their lock stops nothing', async () => {
    const shared = join(root, 'backups');
    mkdirSync(shared);
    chmodSync(shared, 0o1777);
    const source = join(root, 'app.db');
    const warnings: string[] = [];
    const start = async (): Promise<string> => {
      const schedule = startSchedule(
        {
          directory: shared,
          intervalMs: hour,
          keep: { newest: 1, daily: 0, weekly: 0 },
          verify: 'quick',
          reserveBytes: null,
        },
        {
          source,
          backup: (destination, signal, onFinished) => {
            const db = new Native(source);
            return backUp(db, destination, { signal }, { onFinished }).finally(() => db.close());
          },
          onFailure: error => assert.fail(error),
          onWarning: code => warnings.push(code),
        },
      );
      await until(() => !schedule.state().running, 'no backup runs');
      const { lastBackup } = schedule.state();
      await schedule.stop();
      return lastBackup?.path ?? 'none';
    };
    const first = await start();
    const { id } = JSON.parse(readFileSync(`${source}-backup-id`, 'utf8')) as { id: string };
    // Newer than ours, empty, with a manifest that says so: it would be the one that `keep` keeps.
    const planted = join(shared, `app-${stampOf(Date.now() + 1000)}`);
    const text = JSON.stringify({ ...JSON.parse(readFileSync(first.replace(/\.db$/, '.json'), 'utf8')), bytes: 0 });
    writeFileSync(`${planted}.db`, '');
    writeFileSync(`${planted}.json`, text);
    writeFileSync(join(shared, `.app-${id.slice(0, 8)}.backup-lock`), '');
    for (const name of [`${planted}.db`, `${planted}.json`, join(shared, `.app-${id.slice(0, 8)}.backup-lock`)]) {
      chownSync(name, stranger, stranger);
    }
    assert.equal(await start(), first, 'the planted one is not the newest');
    assert.ok(existsSync(first));
    assert.ok(warnings.includes('foreign-backups'));
    rmSync(first);
    assert.notEqual(await start(), 'none', 'the lock of the stranger stops no backup');
    const kinds = (await listBackups(shared, { source, id })).map(({ kind }) => kind);
    assert.deepEqual(kinds.toSorted(), ['foreign', 'own']);
  });

  test('a folder that every user may write is reported', async () => {
    const open = join(root, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const warnings: string[] = [];
    const schedule = startSchedule(
      {
        directory: open,
        intervalMs: hour,
        keep: { newest: 1, daily: 0, weekly: 0 },
        verify: 'quick',
        reserveBytes: null,
      },
      {
        source: join(root, 'app.db'),
        backup: () => Promise.reject(new Error('not needed')),
        onFailure: () => {},
        onWarning: code => warnings.push(code),
      },
    );
    await until(() => !schedule.state().running, 'no backup runs');
    await schedule.stop();
    assert.deepEqual(warnings, ['shared-backup-folder']);
  });

  test('a copy has the group of the database, or is closed to groups where that cannot be given', async () => {
    const source = join(root, 'app.db');
    chownSync(source, 0, stranger);
    chmodSync(source, 0o640);
    const db = new Native(source);
    await backUp(db, join(root, 'copy.db')).finally(() => db.close());
    const copy = statSync(join(root, 'copy.db'));
    assert.deepEqual([copy.gid, copy.mode & 0o777], [stranger, 0o640]);

    const own = join(owned, 'app.db');
    renameSync(source, own);
    chownSync(own, service, stranger);
    const program = `const { openDatabase } = require(${JSON.stringify(dist('index.js'))});
      const db = openDatabase(${JSON.stringify(own)}, { logger: false });
      db.backup(${JSON.stringify(join(owned, 'copy.db'))}).then(() => db.close());`;
    const { status, stderr } = runAs(service, process.execPath, '-e', program);
    assert.equal(status, 0, stderr);
    const closed = statSync(join(owned, 'copy.db'));
    assert.deepEqual([closed.gid, closed.mode & 0o777], [service, 0o600]);
    assert.equal((await verifyDatabase(join(owned, 'copy.db'))).ok, true);
  });

  test('a database without a file is copied as readable as any new file, not more', () => {
    const program = `const { openDatabase } = require(${JSON.stringify(dist('index.js'))});
      process.umask(0o077);
      const db = openDatabase(':memory:', { logger: false });
      db.exec('CREATE TABLE t (x)');
      db.backup(${JSON.stringify(join(owned, 'memory.db'))}).then(() => db.close());`;
    const { status, stderr } = runAs(service, process.execPath, '-e', program);
    assert.equal(status, 0, stderr);
    assert.equal(statSync(join(owned, 'memory.db')).mode & 0o777, 0o600);
  });
});
