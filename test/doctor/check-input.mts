/** A database in a state of some kind, processes that hold it, and a diagnosis that is proved to have changed nothing. */
import assert from 'node:assert/strict';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { lstatSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { diagnose, type DiagnoseOptions, type Diagnosis, type Finding } from 'safe-sqlite';
import { readMountTable } from '../../dist/filesystem/linux/linux-tables.js';
import { mountOf } from '../../dist/filesystem/linux/mount-table.js';
import { everyLock, readTable } from '../../dist/proc/lock-table.js';

const addon = createRequire(import.meta.url).resolve('better-sqlite3');

export function folder(t: TestContext): string {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'safe-sqlite-doctor-')));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** Runs `script` in a process of its own, with raw better-sqlite3 as `Native` and the path as `file`; `-9` at the end kills it. */
export function elsewhere(file: string, script: string): void {
  const text = `const Native = require(${JSON.stringify(addon)}); const file = ${JSON.stringify(file)}; ${script}`;
  const { stderr, status, signal } = spawnSync(process.execPath, ['-e', text], { encoding: 'utf8' });
  // Windows has no signals: a process that was ended has the exit code 1.
  const killed = process.platform === 'win32' ? status === 1 && script.includes("'SIGKILL'") : signal === 'SIGKILL';
  assert.ok(status === 0 || killed, stderr);
}

/** The same, kept alive until the test is over; resolves once the script ran. */
export async function holding(t: TestContext, file: string, script: string): Promise<ChildProcess & { pid: number }> {
  const text = `const Native = require(${JSON.stringify(addon)}); const file = ${JSON.stringify(file)}; ${script};
    console.log('ready'); process.stdin.resume(); globalThis.kept = () => [db];`;
  const child = spawn(process.execPath, ['-e', text], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(async () => {
    child.kill('SIGKILL');
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  await once(child.stdout, 'data');
  return child as ChildProcess & { pid: number };
}

/** A WAL database with `rows` committed rows, killed before anything was checkpointed. */
export function crashedWal(file: string, rows = 3): void {
  elsewhere(
    file,
    `const db = new Native(file); db.pragma('journal_mode=WAL'); db.exec('CREATE TABLE t(a)');
     db.pragma('wal_checkpoint(TRUNCATE)'); db.pragma('wal_autocheckpoint=0');
     for (let row = 0; row < ${rows}; row++) db.exec('INSERT INTO t VALUES (randomblob(100))');
     process.kill(process.pid, 'SIGKILL')`,
  );
}

/** A rollback-mode database in the middle of a transaction that has written into the file. */
export function hotJournal(file: string): void {
  elsewhere(
    file,
    `const db = new Native(file); db.exec('CREATE TABLE t(a); INSERT INTO t VALUES (1)'); db.pragma('cache_size=1'); db.pragma('cache_spill=1');
     db.exec('BEGIN; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 500) INSERT INTO t SELECT randomblob(1000) FROM n');
     process.kill(process.pid, 'SIGKILL')`,
  );
}

/** Diagnoses, and proves that every file in the folder is the same to the byte, and every lock of every process is still there. */
export async function looked(file: string, options: DiagnoseOptions = {}): Promise<Diagnosis> {
  const home = join(file, '..');
  // SQLite reads the pages of a small database unless that is switched off.
  const reads = options.quick !== false;
  const before = [photograph(home, reads), locks(home)];
  const diagnosis = await diagnose(file, options);
  assert.deepEqual([photograph(home, reads), locks(home)], before, 'the doctor changed something');
  return diagnosis;
}

/**
 * Content, identity and times of everything in a folder. A reader of SQLite leaves its mark in the -shm; run by root, it
 * gives the -wal to the owner of the database, which it has already, and only the time of the change tells.
 */
function photograph(home: string, withReader: boolean): unknown {
  const names = readdirSync(home).filter(name => !withReader || !name.endsWith('-shm'));
  return names.map(name => {
    const path = join(home, name);
    const { ino, mode, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    const type = lstatSync(path);
    const content = type.isSymbolicLink() ? readlinkSync(path) : type.isFile() ? sha256(path) : null;
    return [name, ino, mode, size, mtimeNs, withReader ? null : ctimeNs, content];
  });
}

/** This process holds no database: its descriptors have no locks to cancel. */
function sha256(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** All POSIX locks on the files of a folder that the kernel knows, without their order. proc_locks(5) */
function locks(home: string): readonly string[] {
  const device = deviceOf(home);
  const files = new Set(readdirSync(home).map(name => `${device}:${lstatSync(join(home, name)).ino}`));
  return everyLock(readTable)
    .filter(({ file }) => files.has(file))
    .map(({ file, pid, kind, start, end }) => `${file} ${pid} ${kind} ${start} ${end}`)
    .toSorted();
}

/** As proc_locks(5) writes it: that of the mount, which is not the one of `stat` on btrfs and overlayfs. */
function deviceOf(home: string): string {
  const device = mountOf(readMountTable(), realpathSync(home))?.device ?? '';
  return device.replaceAll(/\d+/g, part => Number(part).toString(16).padStart(2, '0'));
}

/** The finding of that code, which must be there. */
export function found({ findings }: Diagnosis, code: string): Finding {
  const match = findings.find(finding => finding.code === code);
  assert.ok(match !== undefined, `no ${code} in: ${findings.map(finding => finding.code).join(', ')}`);
  return match;
}

/** The finding about a -wal that was left behind: its code says whether every process can be seen from where the tests run. */
export function leftWal({ findings, facts }: Diagnosis): Finding {
  const inContainer = (facts.ground?.sandbox.container ?? null) !== null;
  // Windows answers for all programs at once.
  const hidden =
    process.platform === 'win32'
      ? false
      : inContainer || (facts.processes?.unseenProcesses ?? 1) > 0 || facts.processes?.wholeMachine === false;
  const match = findings.find(({ code }) => code === 'wal-crashed' || code === 'wal-not-closed');
  assert.ok(match !== undefined, `no left -wal in: ${findings.map(({ code }) => code).join(', ')}`);
  assert.equal(match.code, hidden ? 'wal-not-closed' : 'wal-crashed');
  return match;
}

/** The codes above `'ok'` that are about the patient, and not about the machine that the tests run on. */
export function complaints({ findings }: Diagnosis): readonly string[] {
  const machine = new Set(['ground', 'device', 'space', 'backups']);
  return findings
    .filter(({ level, topic }) => level !== 'ok' && !machine.has(topic))
    .map(({ level, code }) => `${level} ${code}`)
    .toSorted();
}
