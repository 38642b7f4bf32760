// Reads the files that real, killed processes of better-sqlite3 leave, and compares with what SQLite says of them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import Native from 'better-sqlite3';
import { readDatabaseHeader } from '../../dist/format/database-header.js';
import { readRollbackJournal } from '../../dist/format/rollback-journal.js';
import { readWalFile } from '../../dist/format/wal-file.js';
import { readWalIndex } from '../../dist/format/wal-index.js';

const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-format-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const budgetMs = 60_000;

/** Runs `code` with a connection `db` on `file` and dies before anything is closed. This process never opens the files. */
function leave(file: string, code: string): void {
  const program = `const db = new (require('better-sqlite3'))(${JSON.stringify(file)});
    ${code}
    process.kill(process.pid, 'SIGKILL')`;
  const { signal, status, stderr } = spawnSync(process.execPath, ['-e', program], { encoding: 'utf8' });
  // Windows has no signals: a process that was ended has the exit code 1.
  assert.deepEqual([signal, status], process.platform === 'win32' ? [null, 1] : ['SIGKILL', null], stderr);
}

function overwrite(file: string, offset: number, bytes: Buffer): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
}

/** Rows that SQLite finds in a copy of the database and its `-wal`, after it has recovered them. */
function recoveredRows(file: string): number {
  const copy = join(folder, 'recovered.db');
  for (const end of ['-wal', '-shm']) rmSync(copy + end, { force: true });
  copyFileSync(file, copy);
  copyFileSync(`${file}-wal`, `${copy}-wal`);
  const db = new Native(copy);
  const rows = Number(db.prepare('SELECT count(*) FROM t').pluck().get());
  db.close();
  return rows;
}

const begin = `db.pragma('journal_mode = wal'); db.pragma('wal_autocheckpoint = 0'); db.exec('CREATE TABLE t(a)');`;
const insert = (count: number): string =>
  `for (let i = 0; i < ${count}; i++) db.prepare('INSERT INTO t VALUES (?)').run(i);`;

describe('the database header', () => {
  test('holds what SQLite answers to its pragmas', () => {
    for (const pageSize of [512, 4096, 65_536]) {
      const file = join(folder, `page-${pageSize}.db`);
      leave(
        file,
        `db.pragma('page_size = ${pageSize}'); db.exec('CREATE TABLE t(a); CREATE TABLE gone(a); DROP TABLE gone');
         db.pragma('user_version = -7'); db.pragma('application_id = 12345');`,
      );
      const header = readDatabaseHeader(file);
      assert.ok(header !== null);
      const db = new Native(file);
      const ask = (name: string): unknown => db.pragma(name, { simple: true });
      assert.deepEqual(
        [header.kind, header.damage, header.journalMode, header.pageSize, header.pages, header.freePages],
        ['database', null, 'rollback', ask('page_size'), ask('page_count'), ask('freelist_count')],
      );
      assert.deepEqual([header.userVersion, header.applicationId], [ask('user_version'), ask('application_id')]);
      assert.equal(header.writtenBy, db.prepare('SELECT sqlite_version()').pluck().get());
      db.close();
    }
  });

  test('names what stands there instead', () => {
    const file = join(folder, 'other.db');
    assert.equal(readDatabaseHeader(join(folder, 'missing.db')), null);
    assert.equal(readDatabaseHeader(folder), null, 'a folder');
    for (const [bytes, kind] of [
      [Buffer.alloc(0), 'empty'],
      [Buffer.alloc(4096), 'zeros'],
      [Buffer.from('PK\u0003\u0004 an archive'), 'other'],
    ] as const) {
      writeFileSync(file, bytes);
      assert.equal(readDatabaseHeader(file)?.kind, kind);
    }
  });

  test('calls damaged what SQLite refuses to read, field by field', () => {
    const good = join(folder, 'page-4096.db');
    const file = join(folder, 'damaged.db');
    const damages: [string, number, number[]][] = [
      ['page size', 16, [0x0f, 0xff]],
      ['read version', 19, [9]],
      ['payload fractions', 21, [1, 2, 3]],
      ['reserved bytes', 20, [255]],
      ['schema format', 44, [0, 0, 0, 9]],
      ['text encoding', 56, [0, 0, 0, 7]],
    ];
    for (const [field, offset, bytes] of damages) {
      copyFileSync(good, file);
      // The smallest page is the one that 255 reserved bytes leave too little of.
      overwrite(file, offset, Buffer.from(bytes));
      if (field === 'reserved bytes') overwrite(file, 16, Buffer.from([2, 0]));
      const header = readDatabaseHeader(file);
      assert.match(String(header?.damage), new RegExp(field));
      const db = new Native(file);
      assert.throws(() => db.prepare('SELECT * FROM t').all(), Native.SqliteError, field);
      db.close();
    }
    copyFileSync(good, file);
    truncateSync(file, 60);
    assert.match(String(readDatabaseHeader(file)?.damage), /60 of 100 bytes/);
  });
});

describe('the -wal and the -shm', () => {
  const file = join(folder, 'wal.db');

  test('count the frames that SQLite counts', () => {
    leave(
      file,
      `${begin} ${insert(20)}
       require('fs').writeFileSync(${JSON.stringify(`${file}.said`)}, JSON.stringify(db.pragma('wal_checkpoint(NOOP)')))`,
    );
    const wal = readWalFile(`${file}-wal`, budgetMs);
    assert.ok(wal !== null && wal.headerValid && wal.readInFull);
    const index = readWalIndex(`${file}-shm`);
    assert.ok(index !== null);
    const said = JSON.parse(readFileSync(`${file}.said`, 'utf8')) as { log: number }[];
    assert.deepEqual(
      [wal.committedFrames, wal.validFrames, index.frames, index.copiedFrames, index.consistent],
      [said[0]?.log, said[0]?.log, said[0]?.log, 0, true],
    );
    assert.equal(wal.salts, index.salts);
    assert.equal(wal.pageSize, 4096);
    assert.equal(wal.unreachableCommits, 0);
    assert.equal(recoveredRows(file), 20);
  });

  test('after a checkpoint the next round has other salts, and the frames behind its end do not count', () => {
    const before = readWalFile(`${file}-wal`, budgetMs);
    leave(file, `db.pragma('wal_autocheckpoint = 0'); db.pragma('wal_checkpoint(RESTART)'); ${insert(3)}`);
    const wal = readWalFile(`${file}-wal`, budgetMs);
    assert.ok(before !== null && wal !== null);
    assert.notEqual(wal.salts, before.salts);
    assert.equal(wal.committedFrames, readWalIndex(`${file}-shm`)?.frames);
    assert.ok(wal.framesInFile > wal.committedFrames);
    assert.equal(wal.unreachableCommits, 0, 'frames of an earlier round are no commits of this one');
    assert.equal(recoveredRows(file), 23);
  });

  test('a damaged frame ends what recovery brings back, and the commits after it are counted', () => {
    const damaged = join(folder, 'damaged-wal.db');
    leave(damaged, `${begin} ${insert(10)}`);
    const whole = readWalFile(`${damaged}-wal`, budgetMs);
    assert.ok(whole !== null);
    const frameBytes = 24 + whole.pageSize;
    // A byte in the page of the fourth frame from the end.
    overwrite(`${damaged}-wal`, 32 + (whole.framesInFile - 4) * frameBytes + 24 + 100, Buffer.from([0xaa]));
    const wal = readWalFile(`${damaged}-wal`, budgetMs);
    assert.equal(wal?.committedFrames, whole.framesInFile - 4);
    assert.equal(wal?.unreachableCommits, 4, 'the commit of the damaged frame is one of them');
    assert.equal(recoveredRows(damaged), 10 - 4);
  });

  test('a WAL that is cut off in its header, or has another magic, holds nothing', () => {
    const cut = join(folder, 'cut-wal');
    copyFileSync(`${file}-wal`, cut);
    overwrite(cut, 0, Buffer.from([0]));
    assert.equal(readWalFile(cut, budgetMs)?.headerValid, false);
    truncateSync(cut, 20);
    assert.equal(readWalFile(cut, budgetMs)?.headerValid, false);
    assert.equal(readWalFile(join(folder, 'none-wal'), budgetMs), null);
  });

  test('a reader in the middle of a transaction shows in the read marks', () => {
    const read = join(folder, 'read.db');
    leave(read, `${begin} ${insert(5)} db.prepare('BEGIN').run(); db.prepare('SELECT * FROM t').all();`);
    const index = readWalIndex(`${read}-shm`);
    assert.ok(index?.readMarks.includes(index.frames), JSON.stringify(index));
  });

  test('a -shm that SQLite would not take is no index', () => {
    const shm = join(folder, 'bad-shm');
    copyFileSync(`${file}-shm`, shm);
    overwrite(shm, 0, Buffer.from([1, 2, 3, 4]));
    assert.equal(readWalIndex(shm), null);
    truncateSync(shm, 100);
    assert.equal(readWalIndex(shm), null);
  });
});

describe('the rollback journal', () => {
  const large = `db.exec('CREATE TABLE t(a)'); db.exec("INSERT INTO t SELECT randomblob(2000) FROM json_each('[' || substr(replace(hex(zeroblob(200)), '0', ',0'), 2) || ']')");`;

  test('a hot journal says how many pages the database had', () => {
    const file = join(folder, 'hot.db');
    leave(
      file,
      `${large} db.pragma('cache_size = 5');
       require('fs').writeFileSync(${JSON.stringify(`${file}.pages`)}, String(db.pragma('page_count', { simple: true })));
       db.exec("BEGIN; UPDATE t SET a = randomblob(2000)");`,
    );
    const journal = readRollbackJournal(`${file}-journal`);
    assert.equal(journal?.kind, 'header');
    const pages = readFileSync(`${file}.pages`, 'utf8');
    assert.equal(journal.databasePages, Number(pages));
    assert.equal(journal.superJournal, null);
    assert.equal(journal.fileBytes, statSync(`${file}-journal`).size);
  });

  test('a finished one that persists is zeroed', () => {
    const file = join(folder, 'persist.db');
    leave(file, `db.pragma('journal_mode = persist'); ${large}`);
    assert.equal(readRollbackJournal(`${file}-journal`)?.kind, 'zeroed');
  });

  test('what is no journal is called other, an empty one empty, a missing one null', () => {
    const path = join(folder, 'x-journal');
    assert.equal(readRollbackJournal(path), null);
    writeFileSync(path, '');
    assert.equal(readRollbackJournal(path)?.kind, 'empty');
    writeFileSync(path, 'not a journal at all, and long enough for a header');
    assert.equal(readRollbackJournal(path)?.kind, 'other');
  });
});
