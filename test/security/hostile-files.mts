/** Builds database files that a hostile sender would send. */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import Native from 'better-sqlite3';
import { walChecksum } from '../../dist/base/wal-checksum.js';

/** One look for a text of 3000 characters in 4 MB that nearly have it at each place, five hundred times: minutes for a row. */
const costly = Array.from({ length: 500 }, () => 'instr(hex(zeroblob(2000000)),a)').join('+');
const needle = `${'0'.repeat(2999)}1`;

/** Some kilobytes whose check takes hours. */
export function costlyCheck(file: string): void {
  const db = new Native(file);
  db.exec('CREATE TABLE t (a TEXT)');
  fill(db);
  setSchema(db, `CREATE TABLE t (a TEXT CHECK (${costly} = 0))`);
}

/** The same for a copy: an index whose expression costs as much. */
export function costlyIndex(file: string): void {
  const db = new Native(file);
  db.exec('CREATE TABLE t (a TEXT); CREATE INDEX i ON t (a IS NULL)');
  fill(db);
  setSchema(db, `CREATE INDEX i ON t ((${costly}))`, 'i');
}

function fill(db: Native.Database): void {
  const insert = db.prepare('INSERT INTO t VALUES (?)');
  for (let row = 0; row < 10; row++) insert.run(needle);
}

/** Takes 800 MB of memory for each row: two texts that stand side by side, each below the longest that SQLite allows. */
export function memoryCheck(file: string): void {
  const db = new Native(file);
  db.exec('CREATE TABLE t (a TEXT)');
  for (let row = 0; row < 20; row++) db.prepare('INSERT INTO t VALUES (?)').run('a'.repeat(1000));
  const text = (bytes: number): string => `replace(hex(zeroblob(${bytes})), '0', a)`;
  setSchema(db, `CREATE TABLE t (a TEXT CHECK (${text(200_000)} <> ${text(200_001)}))`);
}

function setSchema(db: Native.Database, sql: string, name = 't'): void {
  db.unsafeMode(true);
  db.pragma('writable_schema = 1');
  db.prepare('UPDATE sqlite_schema SET sql = ? WHERE name = ?').run(sql, name);
  db.close();
}

const endless = 0xffff_fff0;

/** A -wal whose last commit says that the database has four thousand million pages; the sums are right. */
export function endlessWal(file: string): void {
  const db = new Native(file);
  db.pragma('journal_mode = WAL');
  db.pragma('wal_autocheckpoint = 0');
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
  const wal = readFileSync(`${file}-wal`);
  const copy = readFileSync(file);
  db.close();
  const pageSize = wal.readUInt32BE(8);
  const bigEndian = wal.readUInt32BE(0) === 0x377f0683;
  let sum = walChecksum(wal.subarray(0, 24), { first: 0, second: 0 }, bigEndian);
  for (let at = 32; at + 24 + pageSize <= wal.length; at += 24 + pageSize) {
    if (wal.readUInt32BE(at + 4) !== 0) wal.writeUInt32BE(endless, at + 4);
    // The first page counts as well.
    if (wal.readUInt32BE(at) === 1) wal.writeUInt32BE(endless, at + 24 + 28);
    sum = walChecksum(wal.subarray(at, at + 8), sum, bigEndian);
    sum = walChecksum(wal.subarray(at + 24, at + 24 + pageSize), sum, bigEndian);
    wal.writeUInt32BE(sum.first, at + 16);
    wal.writeUInt32BE(sum.second, at + 20);
  }
  writeFileSync(file, copy);
  writeFileSync(`${file}-wal`, wal);
  if (statSync(file).size > 8192) throw new Error('It is to be small.');
}
