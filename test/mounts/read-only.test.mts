// Verify, backup and restore need no right to write where they read from; and one verdict for what is no whole database.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { BackupError, diagnose, RestoreError, restoreDatabase, verifyDatabase } from 'safe-sqlite';
import { backup } from '../../dist/backup/backup.js';
import { findFile, identityOf, readAccess } from '../../dist/backup/place.js';
import { alone, assertBank, bank, dist, folder, Native, names } from '../backup/fixture.mts';
import { makeLab, run, whyNoMounts } from './lab.mts';

const skip = whyNoMounts('mkfs.ext4', 'setpriv');

/** A backup of a database that is named, as the command line makes it. */
async function backUpFile(file: string, to: string) {
  const found = findFile(file);
  if (!('place' in found)) throw new BackupError(found.missing, {});
  const { place } = found;
  const source = {
    native: null,
    file: place.path,
    identity: identityOf(place.facts),
    busyTimeoutMs: 0,
    access: readAccess(place),
  };
  return backup(source, to, {}, alone);
}

describe('a read-only medium', { skip }, () => {
  const lab = skip === false ? makeLab() : null;
  for (const [state, journal, crashed] of [
    ['closed in WAL mode', 'wal', false],
    ['with a -wal that a crash left', 'wal', true],
    ['closed in a rollback mode', 'delete', false],
  ] as const) {
    test(`a database ${state}: read in whole, and left as it is`, async t => {
      assert.ok(lab !== null);
      const [disk, out] = [lab.mount('-o', 'loop', lab.image(32 << 20, 'mkfs.ext4', '-q')), folder(t)];
      const file = join(disk, 'a.db');
      const work = join(out, 'work.db');
      const db = bank(t, work, journal, 30);
      if (crashed) db.pragma('wal_autocheckpoint=0');
      db.exec('INSERT INTO transfer (source, target) VALUES (1, 2); UPDATE total SET transfers = 1');
      if (crashed) copyFileSync(`${work}-wal`, `${file}-wal`);
      else db.close();
      copyFileSync(work, file);
      run('mount', '-o', 'remount,ro', disk);
      const before = names(disk).map(name => [name, statSync(join(disk, name)).mtimeMs]);
      const raw = (): unknown => {
        const plain = new Native(file, { readonly: true });
        try {
          return plain.prepare('SELECT count(*) FROM transfer').pluck().get();
        } finally {
          plain.close();
        }
      };
      if (journal === 'wal') assert.throws(raw, { code: 'SQLITE_CANTOPEN' }, 'the hazard');
      else assert.equal(raw(), 1);
      for (const level of ['quick', 'full'] as const) {
        const report = await verifyDatabase(file, { level });
        assert.deepEqual([report.ok, report.checked, report.path], [true, level, file]);
      }
      const made = await backUpFile(file, join(out, 'copy.db'));
      assert.equal(assertBank(made.path, 30), 1);
      await restoreDatabase({ from: file, to: join(out, 'restored.db') });
      assert.equal(assertBank(join(out, 'restored.db'), 30), 1);
      assert.deepEqual(
        names(disk).map(name => [name, statSync(join(disk, name)).mtimeMs]),
        before,
      );
    });
  }

  test('a folder of another user: `verify` on the command line', t => {
    const home = join(folder(t), 'home');
    mkdirSync(home);
    const db = bank(t, join(home, 'a.db'), 'wal', 30);
    db.close();
    chmodSync(join(home, '..'), 0o755);
    chmodSync(join(home, 'a.db'), 0o644);
    const user = ['--reuid=65534', '--regid=65534', '--clear-groups'];
    const line = [...user, process.execPath, dist('cli/bin.js'), 'verify', join(home, 'a.db')];
    const { stdout, stderr } = spawnSync('setpriv', line, { encoding: 'utf8' });
    assert.match(stdout, /a\.db: sound \(quick check/, stderr);
    assert.deepEqual(names(home), ['a.db']);
  });
});

describe('what is no whole database has one verdict', () => {
  const states = {
    empty: { make: (file: string) => truncateSync(file, 0), code: 'empty-database', words: /empty/ },
    'cut off between pages': {
      make: (file: string) => truncateSync(file, statSync(file).size - 4096),
      code: 'cut-off',
      words: /malformed|missing/,
    },
    'cut off in a page': {
      make: (file: string) => truncateSync(file, statSync(file).size - 1000),
      code: 'cut-off',
      words: /malformed|missing/,
    },
    'a text': {
      make: (file: string) => writeFileSync(file, 'no database'.repeat(500)),
      code: 'not-a-database',
      words: /not a database/,
    },
    'a lone -wal': {
      make: (file: string) => {
        rmSync(file);
        writeFileSync(`${file}-wal`, 'x'.repeat(5000));
      },
      code: 'orphaned-journal',
      words: /There is no .*a\.db-wal/,
    },
  };
  for (const [state, { make, code, words }] of Object.entries(states)) {
    test(state, async t => {
      const home = folder(t);
      const file = join(home, 'a.db');
      bank(t, file, 'delete', 30).close();
      make(file);
      const before = names(home);
      const verdict = await verifyDatabase(file).then(
        ({ ok, problems }) => (ok ? 'sound' : problems.join('; ')),
        (error: Error) => error.message,
      );
      assert.match(verdict, words, 'verify');
      await assert.rejects(restoreDatabase({ from: file, to: join(home, 'r.db') }), (error: Error) => {
        assert.ok(error instanceof RestoreError);
        assert.match(error.message, words, 'restore');
        return true;
      });
      // An empty file is a new database: a copy of it is made, as better-sqlite3 makes it, and the command line says what it is.
      if (state === 'empty') rmSync((await backUpFile(file, join(home, 'b.db'))).path);
      else await assert.rejects(backUpFile(file, join(home, 'b.db')), { message: words }, 'backup');
      const codes = (await diagnose(file)).findings.map(each => each.code);
      assert.ok(codes.includes(code), `doctor: ${codes.join(', ')}`);
      assert.deepEqual(names(home), before);
    });
  }
});
