/** A user who may write beside a file, but not the file, plants a `-wal` or a `-journal`, which SQLite plays into the file. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, chownSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Native from 'better-sqlite3';
import { Database, openDatabase, restoreDatabase, verifyDatabase } from 'safe-sqlite';
import { isPlanted } from '../../dist/filesystem/planted-sidecar.js';
import { service, sharedFolder, shellAs, stranger, usersSkip } from './users.mts';

const cli = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url));
const text = 'a file of root that is no database\n';
const pageSize = 512;
const sectorBytes = 512;
const magic = Buffer.from('d9d505f920a163d7', 'hex');

/** A hot journal that rolls page 1 back to what the attacker likes. https://sqlite.org/fileformat2.html#rollbackjournal */
function journalOf(page: Buffer): Buffer {
  const header = Buffer.alloc(sectorBytes);
  magic.copy(header);
  // Records, nonce, pages of the database, size of a sector, size of a page.
  for (const [position, value] of [1, 7, 1, sectorBytes, pageSize].entries())
    header.writeUInt32BE(value, 8 + 4 * position);
  let checksum = 7;
  for (let at = pageSize - 200; at > 0; at -= 200) checksum += page[at] ?? 0;
  const [number, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  number.writeUInt32BE(1);
  sum.writeUInt32BE(checksum);
  return Buffer.concat([header, number, page, sum]);
}

describe('beside a file of root, in a folder where every user may create files', { skip: usersSkip() }, () => {
  let root: string;
  let own: string;
  let remove: () => void;
  let file: string;

  beforeEach(() => {
    const folder = sharedFolder(0o1777);
    const other = sharedFolder(0o700);
    [root, own] = [folder.path, other.path];
    remove = () => [folder, other].forEach(each => each.remove());
    file = join(root, 'notes');
    writeFileSync(file, text, { mode: 0o644 });
  });
  afterEach(() => remove());

  /** The stranger copies what root made into the folder, as they would make it themselves. */
  const plant = (suffix: string, content: Buffer): string => {
    const made = join(root, 'made');
    writeFileSync(made, content, { mode: 0o644 });
    shellAs(stranger, `cp ${made} ${file}${suffix}`);
    rmSync(made);
    assert.equal(statSync(`${file}${suffix}`).uid, stranger);
    return `${file}${suffix}`;
  };
  const walOfAnother = (): Buffer => {
    const path = join(own, 'other.db');
    const db = new Native(path);
    db.pragma('journal_mode = WAL');
    db.exec("CREATE TABLE planted (a); INSERT INTO planted VALUES ('planted')");
    const wal = readFileSync(`${path}-wal`);
    db.close();
    return wal;
  };
  const planted = {
    '-journal': () => plant('-journal', journalOf(Buffer.alloc(pageSize, 'planted '))),
    '-wal': () => plant('-wal', walOfAnother()),
  } as const;

  for (const suffix of ['-journal', '-wal'] as const) {
    test(`the hazard: better-sqlite3 writes the ${suffix} of a stranger into a file that is no database`, () => {
      planted[suffix]();
      try {
        const db = new Native(file);
        db.prepare('SELECT * FROM sqlite_schema').all();
        db.close();
      } catch (error) {
        assert.equal((error as { code: string }).code, 'SQLITE_NOTADB');
      }
      assert.notEqual(readFileSync(file, 'latin1'), text);
      assert.match(readFileSync(file, 'latin1'), /planted/);
    });

    const ways: Readonly<Record<string, () => unknown>> = {
      openDatabase: () => openDatabase(file, { logger: false }),
      'new Database': () => new Database(file, { logger: false }),
      readonly: () => openDatabase(file, { logger: false, readonly: true }),
      attach: () => {
        using db = openDatabase(':memory:', { logger: false });
        db.exec(`ATTACH '${file}' AS other; SELECT * FROM other.sqlite_schema`);
      },
      verifyDatabase: () => verifyDatabase(file),
      'restore from it': () => restoreDatabase({ from: file, to: join(own, 'restored.db') }),
      'restore over it': () => {
        const from = join(own, 'good.db');
        new Native(from).exec('CREATE TABLE good (a)').close();
        return restoreDatabase({ from, to: file });
      },
    };
    for (const [way, run] of Object.entries(ways)) {
      test(`${way}: beside a ${suffix} of a stranger it is refused, and not written`, async () => {
        const path = planted[suffix]();
        await assert.rejects(
          async () => run(),
          (error: Error & { code: string; hint?: string; cause?: unknown }) => {
            const said = `${error.message} ${error.hint ?? ''} ${String(error.cause)}`;
            assert.match(said, new RegExp(`${path} belongs to user ${stranger}`));
            return true;
          },
        );
        assert.equal(readFileSync(file, 'latin1'), text);
        assert.ok(existsSync(path));
      });
    }

    test(`the command line says the same of a ${suffix}, and takes nothing of it`, () => {
      const path = planted[suffix]();
      const to = join(own, 'copy.db');
      for (const args of [
        ['verify', file],
        ['backup', file, to],
        ['checkpoint', file],
        ['doctor', file],
      ]) {
        const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...args], { encoding: 'utf8' });
        assert.equal(status, 1, args.join(' '));
        assert.match(`${stdout}${stderr}`.replaceAll(/\s+/g, ' '), new RegExp(`${path} belongs to user ${stranger}`));
      }
      assert.equal(readFileSync(file, 'latin1'), text);
      assert.equal(existsSync(to), false);
    });
  }

  test('what stands in the way of a database can be moved away, as the hint says, and the database is opened', () => {
    rmSync(file);
    new Native(file).exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)').close();
    const path = planted['-wal']();
    assert.throws(() => openDatabase(file, { logger: false }), { code: 'SAFE_SQLITE_UNTRUSTED_FILE', hint: /`mv / });
    renameSync(path, join(own, 'notes-wal'));
    using db = openDatabase(file, { logger: false });
    assert.deepEqual(db.prepare('SELECT * FROM t').pluck().all(), [1]);
  });

  test('what a trusted program left is given to the user of the database, as the hint says, and nothing of it is lost', () => {
    rmSync(file);
    const source = join(own, 'source.db');
    const writer = new Native(source);
    writer.pragma('journal_mode = WAL');
    writer.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
    writeFileSync(file, readFileSync(source), { mode: 0o644 });
    const path = plant('-wal', readFileSync(`${source}-wal`));
    writer.close();
    assert.throws(() => openDatabase(file, { logger: false }), { hint: new RegExp(`\`chown 0:0 ${path}\``) });
    chownSync(path, 0, 0);
    using db = openDatabase(file, { logger: false });
    assert.deepEqual(db.prepare('SELECT * FROM t').pluck().all(), [1]);
  });

  test('users who share a database through its group go on, also after one was killed', () => {
    rmSync(file);
    const kill = `const D = require('${fileURLToPath(import.meta.resolve('better-sqlite3'))}'); process.umask(0);
      const db = new D('${file}'); db.pragma('journal_mode = WAL');
      db.exec('CREATE TABLE IF NOT EXISTS t (a); INSERT INTO t VALUES (1)'); process.kill(process.pid, 'SIGKILL')`;
    writeFileSync(file, '', { mode: 0o660 });
    chownSync(file, service, service);
    const user = [`--reuid=${stranger}`, `--regid=${service}`, '--clear-groups'];
    spawnSync('chmod', ['660', file]);
    spawnSync('setpriv', [...user, process.execPath, '-e', kill]);
    assert.equal(statSync(`${file}-wal`).uid, stranger);
    using db = openDatabase(file, { logger: false });
    assert.deepEqual(db.prepare('SELECT * FROM t').pluck().all(), [1]);
  });
});

test('a file that is no database, with nothing beside it, is not written by SQLite, unless it has one byte or none', t => {
  const { path, remove } = sharedFolder(0o700);
  t.after(remove);
  const file = join(path, 'notes');
  const statements = ['CREATE TABLE t (a)', 'VACUUM', 'BEGIN EXCLUSIVE', 'SELECT * FROM sqlite_schema'];
  const pragmas = ['journal_mode = WAL', 'journal_mode = DELETE', 'user_version = 5', 'wal_checkpoint(TRUNCATE)'];
  const isWritten = (bytes: Buffer, pragma: string): boolean => {
    writeFileSync(file, bytes);
    const db = new Native(file);
    for (const text of [`PRAGMA ${pragma}`, ...statements]) {
      try {
        db.exec(text);
      } catch (error) {
        assert.match((error as { code: string }).code, /^SQLITE_/);
      }
    }
    db.close();
    return !readFileSync(file).equals(bytes);
  };
  for (const pragma of pragmas) {
    // The hazard: SQLite takes one byte for an empty file (`unixFileSize`).
    assert.ok(isWritten(Buffer.alloc(1, 'a'), pragma));
    for (const size of [2, 16, 99, 100, 511, 512, 1024, 4096, 70_000])
      assert.ok(!isWritten(Buffer.alloc(size, 'a'), pragma), `${size} bytes, ${pragma}`);
  }
});

test('a sidecar is planted where its user may create it and may not write the database', () => {
  const [user, other] = [61_001, 61_002];
  for (const [sidecar, database, folder, expected] of [
    [other, [user, 0o600], [user, 0o1777], true],
    [other, [user, 0o644], [other, 0o755], true],
    [other, [user, 0o644], [user, 0o775], true],
    [other, [user, 0o644], [user, 0o755], false],
    [user, [user, 0o600], [other, 0o1777], false],
    [other, [user, 0o660], [user, 0o1777], false],
    [other, [user, 0o606], [user, 0o1777], false],
  ] as const) {
    const found = isPlanted(
      { uid: sidecar, mode: 0o644 },
      { uid: database[0], mode: database[1] },
      { uid: folder[0], mode: folder[1] },
    );
    assert.equal(found, expected, `${sidecar} ${database.join(' ')} ${folder.join(' ')}`);
  }
});
