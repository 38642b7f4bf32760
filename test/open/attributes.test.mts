/** Append-only and immutable files and folders (chattr(1)): better-sqlite3 opens them, and says at a write that it fails. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import BetterSqlite3 from 'better-sqlite3';
import { Database, diagnose, verifyDatabase } from 'safe-sqlite';
import { attributeAdvice, attributesIn } from '../../dist/base/file-attributes.js';
import { shellWord } from '../../dist/base/terminal-text.js';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-attributes-')));
after(() => rmSync(root, { recursive: true, force: true }));

/** Why these tests are skipped; false where the filesystem of the temporary folder has attributes, and this user may set them. */
const skip = ((): string | false => {
  const probe = join(root, 'probe');
  writeFileSync(probe, '');
  const set = spawnSync('chattr', ['+a', probe], { encoding: 'utf8' });
  if (set.error !== undefined) return 'chattr is not installed';
  if (set.status !== 0) return `no attributes here: ${set.stderr.trim()}`;
  execFileSync('chattr', ['-a', probe]);
  return false;
})();

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));
let folders = 0;

/** A closed database in a folder of its own. */
function database(mode: 'delete' | 'wal'): string {
  const file = join(root, String(folders++), 'app.db');
  mkdirSync(dirname(file));
  const db = new BetterSqlite3(file);
  db.pragma(`journal_mode=${mode}`);
  db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)');
  db.close();
  return file;
}

function setAttribute(t: TestContext, path: string, attribute: 'a' | 'i'): void {
  execFileSync('chattr', [`+${attribute}`, path]);
  t.after(() => spawnSync('chattr', ['-a', '-i', path], { stdio: 'ignore' }));
}

function errorOf(run: () => unknown): { code?: string; message: string; hint?: string } {
  try {
    run();
  } catch (error) {
    return error as { code?: string; message: string; hint?: string };
  }
  return assert.fail('It did not fail.');
}

/** Runs the commands that a text gives. */
function follow(text: string | null | undefined): void {
  const commands = [...(text ?? '').matchAll(/`(chattr [^`]+)`/g)].map(match => match[1] ?? '');
  assert.ok(commands.length > 0, `no command in: ${text}`);
  for (const command of commands) execFileSync('sh', ['-c', command]);
}

function writeRows(file: string): number {
  const db = new Database(file);
  db.exec('CREATE TABLE IF NOT EXISTS t(a); INSERT INTO t VALUES (2)');
  const rows = db.prepare('SELECT count(*) FROM t').pluck().get() as number;
  db.close();
  return rows;
}

describe('told at open, with the command that mends it', { skip }, () => {
  for (const [what, attribute] of [
    ['database', 'a'],
    ['database', 'i'],
    ['folder', 'a'],
    ['folder', 'i'],
  ] as const) {
    for (const mode of ['delete', 'wal'] as const) {
      test(`+${attribute} on the ${what}, journal mode ${mode}`, async t => {
        const file = database(mode);
        const path = what === 'database' ? file : dirname(file);
        setAttribute(t, path, attribute);
        const works = what === 'folder' && attribute === 'a' && mode === 'wal';
        const raw = new BetterSqlite3(file);
        if (works) raw.exec('INSERT INTO t VALUES (2)');
        else
          assert.match(
            errorOf(() => raw.exec('INSERT INTO t VALUES (2)')).code ?? '',
            /^SQLITE_(READONLY|CANTOPEN|IOERR_DELETE)$/,
          );
        raw.close();

        // Each diagnosis is a process; the journal mode changes nothing about it.
        if (mode === 'wal') {
          const finding = (await diagnose(file)).findings.find(({ code }) => code === 'attribute');
          assert.ok(finding !== undefined, 'the doctor names it');
          assert.ok(finding.commands.some(command => command.includes(`chattr -${attribute} ${path}`)));
          assert.equal(finding.level, what === 'folder' && attribute === 'a' ? 'warning' : 'problem');
        }
        if (works) {
          assert.equal(writeRows(file), 3, 'where better-sqlite3 goes on, this goes on');
          return;
        }
        const error = errorOf(() => new Database(file));
        assert.match(error.code ?? '', /^SQLITE_(READONLY|READONLY_DIRECTORY|IOERR_DELETE)$/);
        assert.ok(error.message.includes(file));
        follow(error.hint);
        assert.equal(writeRows(file), 2, 'nothing is lost, and the same process can write');
      });
    }
  }

  test('+a on the folder of a database that does not exist yet', t => {
    const file = join(root, String(folders++), 'app.db');
    mkdirSync(dirname(file));
    setAttribute(t, dirname(file), 'a');
    assert.equal(errorOf(() => new BetterSqlite3(file).exec('CREATE TABLE t(a)')).code, 'SQLITE_IOERR_DELETE');
    follow(errorOf(() => new Database(file)).hint);
    assert.equal(writeRows(file), 1);
  });

  for (const suffix of ['-wal', '-shm'] as const) {
    test(`+a on the ${suffix} that a killed process has left`, t => {
      const file = database('wal');
      const script = `const db = new (require('better-sqlite3'))(${JSON.stringify(file)}); db.exec('INSERT INTO t VALUES (2)'); process.kill(process.pid, 'SIGKILL');`;
      spawnSync(process.execPath, ['-e', script], { cwd: dirname(BIN) });
      assert.ok(existsSync(file + suffix));
      setAttribute(t, file + suffix, 'a');
      // As with better-sqlite3, reading goes on as far as SQLite can.
      const error = errorOf(() => {
        using db = new Database(file);
        assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 2);
        db.exec('INSERT INTO t VALUES (3)');
      });
      assert.match(error.code ?? '', /^SQLITE_(READONLY|CANTOPEN)/);
      follow(error.hint);
      assert.equal(writeRows(file), 3, 'with the commit in the -wal');
    });
  }

  test('what needs no writing works: readonly, and the check of the file', async t => {
    const file = database('wal');
    setAttribute(t, file, 'a');
    const db = new Database(file, { readonly: true });
    assert.equal(db.prepare('SELECT count(*) FROM t').pluck().get(), 1);
    db.close();
    assert.equal((await verifyDatabase(file)).ok, true);
    const doctor = spawnSync(process.execPath, [BIN, 'doctor', file], { encoding: 'utf8' });
    assert.match(doctor.stdout, /PROBLEM \(attribute\)/);
    follow(`\`${/chattr -a .*/.exec(doctor.stdout)?.[0]}\``);
    assert.equal(writeRows(file), 2);
    assert.ok(!(await diagnose(file)).findings.some(({ code }) => code === 'attribute'));
  });

  test('an attribute that comes while the database is open is named by the write that fails', t => {
    const file = database('delete');
    const db = new Database(file, { journalMode: 'rollback' });
    t.after(() => db.close());
    setAttribute(t, dirname(file), 'a');
    const error = errorOf(() => db.exec('INSERT INTO t VALUES (2)'));
    assert.equal(error.code, 'SQLITE_IOERR_DELETE');
    follow(error.hint);
    db.exec('INSERT INTO t VALUES (3)');
    assert.deepEqual(db.prepare('SELECT a FROM t').pluck().all(), [1, 3]);
  });
});

test('lines of lsattr', () => {
  assert.deepEqual(attributesIn('-----a--------e------- /x/app.db'), ['a']);
  assert.deepEqual(attributesIn('----ia--------e------- /x/app.db'), ['a', 'i']);
  assert.deepEqual(attributesIn('-------A------I-e----- /x/ai'), [], 'noatime and an indexed folder');
  assert.deepEqual(attributesIn('lsattr: Operation not supported While reading flags on ai'), []);
  assert.deepEqual(attributesIn(''), []);
  const advice = attributeAdvice([{ path: "/x/it's", attributes: ['a', 'i'] }]);
  assert.match(advice, /append-only \(attribute `a`\) and immutable \(attribute `i`\)/);
  assert.ok(advice.includes(`chattr -a -i ${shellWord("/x/it's")}`));
});
