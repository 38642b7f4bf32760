/** The preflight: each hazard on raw better-sqlite3 first, then refused, with nothing touched. */
import { test, describe, before, after, beforeEach } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { HardLinkedDatabaseError, OrphanedJournalError } from '../../dist/errors/refusals.js';
import { SqliteCantOpenError, SqliteReadonlyError } from '../../dist/errors/sqlite-errors.js';
import { locate } from '../../dist/filesystem/locate.js';
import { preflightFacts } from '../../dist/filesystem/preflight-facts.js';
import { preflight } from '../../dist/open/plan.js';
import { judgePreflight } from '../../dist/policy/preflight.js';
import { createFaultBench, faultsSkip } from '../support/fault-shim.mts';
import { noLinks } from '../support/links.mts';

let root = '';
let file = '';
before(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-preflight-')));
  chmodSync(root, 0o755);
});
after(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  file = join(mkdtempSync(join(root, 'case-')), 'app.db');
});

const writable = { readonly: false, fileMustExist: false };
const check = (path = file, options = writable) => preflight(locate(path), options).warnings;

/** Leaves a database with a hot `-wal` or `-journal`, as a process that is killed does. */
function crash(mode: 'wal' | 'delete'): void {
  const db = new Database(file);
  db.pragma(`journal_mode=${mode}`);
  db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (zeroblob(50000))');
  if (mode === 'wal') db.pragma('wal_checkpoint(TRUNCATE)');
  const suffix = mode === 'wal' ? '-wal' : '-journal';
  if (mode === 'delete') db.pragma('cache_size=1');
  db.exec('BEGIN; UPDATE t SET a=randomblob(50000)');
  if (mode === 'wal') db.exec('COMMIT');
  copyFileSync(file, `${file}.kept`);
  copyFileSync(`${file}${suffix}`, `${file}.journal`);
  db.close();
  for (const name of [file, `${file}-wal`, `${file}-shm`, `${file}-journal`]) rmSync(name, { force: true });
  renameSync(`${file}.kept`, file);
  renameSync(`${file}.journal`, `${file}${suffix}`);
}

/** Everything that lies beside the database, with its bytes. */
function snapshot(): Record<string, string> {
  const folder = join(file, '..');
  return Object.fromEntries(
    readdirSync(folder).map(name => [name, readFileSync(join(folder, name)).toString('base64')]),
  );
}

describe('a journal without its database', () => {
  for (const mode of ['wal', 'delete'] as const) {
    const suffix = mode === 'wal' ? '-wal' : '-journal';
    for (const [state, spoil] of [
      ['missing', () => rmSync(file)],
      ['empty', () => truncateSync(file, 0)],
    ] as const) {
      test(`${suffix} beside a database that is ${state}: SQLite deletes it, this library refuses`, () => {
        crash(mode);
        spoil();
        const seen = snapshot();
        assert.throws(
          () => check(),
          error => {
            assert.ok(error instanceof OrphanedJournalError);
            assert.equal(error.details['journal'], `${file}${suffix}`);
            return true;
          },
        );
        assert.throws(() => check(file, { readonly: true, fileMustExist: true }), OrphanedJournalError);
        assert.deepEqual(snapshot(), seen);
        // The hazard: the only copy of the commits is gone without an error.
        const db = new Database(file);
        db.exec('CREATE TABLE other(a)');
        assert.equal(db.prepare("SELECT count(*) FROM sqlite_schema WHERE name='t'").pluck().get(), 0);
        db.close();
        assert.equal(existsSync(`${file}${suffix}`), false);
      });
    }
    test(`${suffix} beside its database is what a crash leaves`, () => {
      crash(mode);
      assert.deepEqual(check(), []);
    });
    test(`an empty ${suffix} counts as none`, () => {
      writeFileSync(`${file}${suffix}`, '');
      assert.deepEqual(check(), []);
    });
  }

  test('a stale -shm alone holds nothing', () => {
    writeFileSync(`${file}-shm`, Buffer.alloc(32768));
    assert.deepEqual(check(), []);
  });

  test('a database that another connection creates just now is not an orphan', () => {
    const db = new Database(file);
    db.exec('BEGIN; CREATE TABLE t(a)');
    // What such an opener meets: an empty database beside the header of its journal.
    assert.equal(statSync(file).size, 0);
    assert.ok(statSync(`${file}-journal`).size > 0);
    assert.deepEqual(check(), []);
    db.exec('COMMIT');
    db.close();
    assert.deepEqual(check(), []);
  });

  test('nor is one whose creator was killed: its journal holds no page', () => {
    const child = spawnSync(process.execPath, [
      '-e',
      'const db = new (require("better-sqlite3"))(process.argv[1]); db.exec("BEGIN; CREATE TABLE t(a)"); process.kill(process.pid, "SIGKILL")',
      file,
    ]);
    // Windows has no signals.
    assert.equal(child.signal, process.platform === 'win32' ? null : 'SIGKILL');
    assert.ok(statSync(`${file}-journal`).size > 0);
    assert.deepEqual(check(), []);
  });

  test(
    'nor one that was being created together with another: its journal names a super-journal',
    { skip: faultsSkip() },
    () => {
      using bench = createFaultBench();
      file = join(bench.folder, 'second.db');
      bench.faults.arm({ calls: 'write', path: file, action: 'kill' });
      const child = spawnSync(
        process.execPath,
        [
          '-e',
          `const db = new (require("better-sqlite3"))(process.argv[1] + ".first"); db.prepare("ATTACH ? AS second").run(process.argv[1]);
           db.exec("BEGIN; CREATE TABLE main.t(a); CREATE TABLE second.t(a); COMMIT")`,
          file,
        ],
        { env: { ...process.env, ...bench.environment } },
      );
      assert.equal(child.signal, 'SIGKILL');
      assert.equal(statSync(file).size, 0);
      assert.ok(statSync(`${file}-journal`).size > 512);
      assert.deepEqual(check(), []);
      // Nothing is lost: no page was ever in it.
      const db = new Database(file);
      assert.equal(db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get(), 0);
      db.close();
    },
  );
});

describe('names', () => {
  test('a hard link: two writers that do not see each other, and a refusal that names both', () => {
    new Database(file).exec('PRAGMA journal_mode=WAL; CREATE TABLE t(a)').close();
    const other = join(file, '../other.db');
    linkSync(file, other);
    const one = new Database(file);
    one.exec('INSERT INTO t VALUES (1)');
    // The hazard, from another process: the second name has a WAL of its own, and the row is not there.
    const script =
      'const db = new (require("better-sqlite3"))(process.argv[1]); console.log(db.prepare("SELECT count(*) FROM t").pluck().get())';
    const seen = spawnSync(process.execPath, ['-e', script, other], { encoding: 'utf8' });
    one.close();
    assert.equal(seen.stdout.trim(), '0', seen.stderr);
    assert.throws(
      () => check(),
      error => {
        assert.ok(error instanceof HardLinkedDatabaseError);
        assert.deepEqual(error.details['otherNames'], [other]);
        return true;
      },
    );
    rmSync(other);
    assert.deepEqual(check(), []);
  });

  for (const suffix of ['-wal', '-shm', '-journal'] as const) {
    test(`${suffix} that is a symbolic link: SQLite only says that it cannot open`, { skip: noLinks }, () => {
      new Database(file)
        .exec(`PRAGMA journal_mode=${suffix === '-journal' ? 'DELETE' : 'WAL'}; CREATE TABLE t(a)`)
        .close();
      symlinkSync('elsewhere', `${file}${suffix}`);
      assert.throws(() => new Database(file).exec('INSERT INTO t VALUES (1)'), { code: 'SQLITE_CANTOPEN' });
      assert.throws(
        () => check(),
        error => {
          assert.ok(error instanceof SqliteCantOpenError);
          assert.equal(error.code, 'SQLITE_CANTOPEN');
          assert.ok(error.message.includes(`${file}${suffix}`));
          return true;
        },
      );
    });
  }

  for (const suffix of ['-wal', '-shm', '-journal'] as const) {
    test(`${suffix} that is a folder: SQLite says that the disk is broken, or that it cannot open`, () => {
      new Database(file)
        .exec(`PRAGMA journal_mode=${suffix === '-journal' ? 'DELETE' : 'WAL'}; CREATE TABLE t(a)`)
        .close();
      mkdirSync(`${file}${suffix}`);
      assert.throws(() => new Database(file).exec('INSERT INTO t VALUES (1)'), { name: 'SqliteError' });
      assert.throws(
        () => check(),
        (error: Error) =>
          error instanceof SqliteCantOpenError && error.message.includes(`${file}${suffix} is not a regular file`),
      );
    });
  }

  test('a folder', () => {
    mkdirSync(file);
    assert.throws(() => new Database(file), { code: /^SQLITE_CANTOPEN/ });
    assert.throws(
      () => check(),
      (error: Error) => error instanceof SqliteCantOpenError && error.message.includes('folder'),
    );
  });

  test('a device', { skip: process.platform === 'win32' && 'names a device of Unix' }, () => {
    assert.throws(
      () => check('/dev/null'),
      (error: Error) => error instanceof SqliteCantOpenError && error.message.includes('regular file'),
    );
  });

  test('a dangling link into a missing folder', { skip: noLinks }, () => {
    symlinkSync('no/target.db', file);
    assert.throws(
      () => check(),
      (error: Error) => error instanceof SqliteCantOpenError && error.message.includes('does not exist'),
    );
  });
});

/** Permissions mean nothing to root, so these run as an unprivileged user. */
const skip = process.getuid?.() === 0 ? false : 'needs root, to become another user';

describe('permissions', { skip }, () => {
  const dist = new URL('../../dist', import.meta.url).pathname;
  /** The outcome of a preflight, and of raw better-sqlite3, as user 65534. */
  function asNobody(path: string, readonly = false): { ours: string; message: string; hint: string; raw: string } {
    const script = `
      process.setgid(65534); process.setuid(65534);
      const { locate } = require(${JSON.stringify(dist)} + '/filesystem/locate.js');
      const { preflight } = require(${JSON.stringify(dist)} + '/open/plan.js');
      const Database = require('better-sqlite3');
      const [path, readonly] = [process.argv[1], process.argv[2] === 'true'];
      const code = run => { try { return { code: run(), message: '' } } catch (error) { return error } };
      const ours = code(() => JSON.stringify(preflight(locate(path), { readonly, fileMustExist: false }).warnings.map(w => w.code)));
      const raw = code(() => { new Database(path, { readonly }).exec(readonly ? 'SELECT * FROM t' : 'INSERT INTO t VALUES (1)'); return 'ok' });
      console.log(JSON.stringify({ ours: ours.code, message: ours.message, hint: ours.hint, raw: raw.code }));`;
    const child = spawnSync(process.execPath, ['-e', script, path, String(readonly)], { encoding: 'utf8' });
    assert.equal(child.status, 0, child.stderr);
    return JSON.parse(child.stdout) as { ours: string; message: string; hint: string; raw: string };
  }

  beforeEach(() => {
    new Database(file).exec('CREATE TABLE t(a)').close();
    chmodSync(join(file, '..'), 0o777);
    chmodSync(file, 0o666);
  });

  test('a file that may not be written: better-sqlite3 opens it and fails at the first write', () => {
    chmodSync(file, 0o444);
    const { ours, message, raw } = asNobody(file);
    assert.deepEqual([ours, raw], ['SQLITE_READONLY', 'SQLITE_READONLY']);
    assert.match(message, /EACCES/);
    assert.equal(asNobody(file, true).ours, '[]');
  });

  test('a folder that may not be written', () => {
    chmodSync(join(file, '..'), 0o755);
    const { ours, message, raw } = asNobody(file);
    assert.equal(ours, 'SQLITE_READONLY_DIRECTORY');
    assert.match(raw, /^SQLITE_(?:CANTOPEN|READONLY_DIRECTORY)$/);
    assert.ok(message.includes(join(file, '..')));
    assert.equal(asNobody(join(file, '../new.db')).ours, 'SQLITE_CANTOPEN');
  });

  test('the hint names the owner, the user, and the command that gives it to this user', () => {
    const opened = (): { code: string; hint?: string } => {
      const script = `process.setgid(4711); process.setuid(4711);
        const { Database } = require(${JSON.stringify(dist)} + '/index.js');
        try { const db = new Database(process.argv[1], { logger: false }); db.exec('CREATE TABLE IF NOT EXISTS u(a)'); db.close(); console.log('{"code":"ok"}'); }
        catch ({ code, hint }) { console.log(JSON.stringify({ code, hint })); }`;
      const { stdout, stderr } = spawnSync(process.execPath, ['-e', script, file], { encoding: 'utf8' });
      assert.equal(stderr, '');
      return JSON.parse(stdout) as { code: string; hint?: string };
    };
    const follow = ({ hint }: { hint?: string }): void => {
      assert.match(hint ?? '', /belongs to user 0 \(mode 0\d{3}\), and this process runs as user 4711/);
      execFileSync('sh', ['-c', /`(chown [^`]+)`/.exec(hint ?? '')?.[1] ?? 'false']);
    };
    chmodSync(file, 0o644);
    chmodSync(join(file, '..'), 0o755);
    const seen = [];
    for (let opens = 0; opens < 3; opens += 1) {
      const outcome = opened();
      seen.push(outcome.code);
      if (outcome.code !== 'ok') follow(outcome);
    }
    assert.deepEqual(seen, ['SQLITE_READONLY', 'SQLITE_READONLY_DIRECTORY', 'ok']);
  });

  test('a volume of root for a database that does not exist yet', () => {
    mkdirSync(join(root, 'new'));
    const { ours, hint } = asNobody(join(root, 'new', 'app.db'));
    assert.equal(ours, 'SQLITE_CANTOPEN');
    assert.ok(hint.includes(`chown 65534:65534 ${join(root, 'new')}`));
    assert.doesNotMatch(hint, /readonly/, 'nothing is there to read');
  });

  test('a filesystem that is read-only is not a matter of rights', () => {
    const facts = preflightFacts(locate(file));
    for (const readOnly of [
      { ...facts, fileWriteError: 'EROFS' },
      { ...facts, directoryWriteError: 'EROFS' },
    ]) {
      const { message, hint } = judgePreflight(readOnly, writable) as Error & { hint: string };
      assert.match(message, /read-only \(EROFS\)/);
      assert.match(hint, /dmesg/);
      assert.doesNotMatch(hint, /right to write/);
    }
  });

  test('a file of another user that every user can write is warned of', () => {
    assert.equal(asNobody(file).ours, '["world-writable-database"]');
    chmodSync(file, 0o666);
    assert.deepEqual(check(), []);
  });
});

describe('a -wal that is not there beside its -shm', () => {
  /** What a process leaves that is killed with a committed row in its WAL, but for the files in `without`. */
  function killed(without: readonly string[]): void {
    for (const suffix of ['', '-wal', '-shm']) rmSync(file + suffix, { force: true });
    const db = new Database(file);
    db.pragma('journal_mode=WAL');
    db.exec('CREATE TABLE t(a)');
    db.pragma('wal_checkpoint(TRUNCATE)');
    db.exec("INSERT INTO t VALUES ('committed')");
    const kept = ['', '-wal', '-shm'].filter(suffix => !without.includes(suffix));
    for (const suffix of kept) copyFileSync(file + suffix, `${file}.kept${suffix}`);
    db.close();
    for (const suffix of kept) renameSync(`${file}.kept${suffix}`, file + suffix);
  }

  const rows = (): unknown[] => {
    const db = new Database(file);
    const found = db.prepare('SELECT a FROM t').pluck().all();
    db.close();
    return found;
  };

  test('raw better-sqlite3 opens it without a word, and the commit is gone', () => {
    killed([]);
    assert.deepEqual(rows(), ['committed']);
    killed(['-wal']);
    assert.deepEqual(rows(), []);
  });

  test('is warned of, by its name; what SQLite leaves is not', () => {
    killed([]);
    assert.deepEqual(check(), []);
    killed(['-shm']);
    assert.deepEqual(check(), []);
    killed(['-wal', '-shm']);
    assert.deepEqual(check(), []);
    killed(['-wal']);
    const [warning, ...others] = check();
    assert.deepEqual(others, []);
    assert.equal(warning?.code, 'wal-missing');
    assert.ok(warning.message.includes(`${file}-wal is missing`), warning.message);
  });
});

test('the classes are those of the translated SQLite errors', () => {
  assert.ok(new SqliteReadonlyError('x', 'SQLITE_READONLY') instanceof Database.SqliteError);
});
