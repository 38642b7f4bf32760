/** Puts something that is no regular file under a name, then does everything that reads or writes it, and says what came of it. */
import { spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Native from 'better-sqlite3';
import * as safe from 'safe-sqlite';
import { temporaryName, thisProcess } from '../../dist/filesystem/process-id.js';
import { until } from '../support/until.mts';

const [kind = '', name = ''] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'safe-sqlite-irregular-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = join(folder, 'app.db');
const other = join(folder, 'other.db');
const backups = join(folder, 'backups');

function build(path: string): void {
  const db = new Native(path);
  db.exec('CREATE TABLE t (a); INSERT INTO t VALUES (1)');
  db.close();
}

function place(path: string): void {
  rmSync(path, { force: true });
  if (kind === 'fifo') run('mkfifo', path);
  else if (kind === 'device')
    run('mknod', path, 'c', '1', '5'); // /dev/zero: a file without end.
  else if (kind === 'folder') mkdirSync(path);
  else if (kind === 'link') symlinkSync('nowhere', path);
  else if (kind === 'link-to-fifo') {
    spawnSync('mkfifo', [join(folder, 'fifo')]);
    symlinkSync(join(folder, 'fifo'), path);
  } else writeFileSync(path, Buffer.alloc(64 * 1024 * 1024, '['));
}

function run(command: string, ...args: string[]): void {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
}

async function scheduled(): Promise<string> {
  const db = safe.openDatabase(other, {
    logger: false,
    backup: { directory: backups, intervalMs: 60_000, keep: { newest: 1 } },
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  db.events.on('backup', () => resolve('backup'));
  db.events.on('backupFailed', ({ error }) => resolve(`failed: ${said(error)}`));
  // A schedule keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  const result = await promise;
  clearInterval(alive);
  db.close();
  return result;
}

/** Makes the backup of the folder a year old, and returns the path of its manifest. */
async function agedManifest(): Promise<string> {
  await until(() => readdirSync(backups).some(each => each.endsWith('.json')), 'there is a manifest');
  const aged = (each: string): string => each.replace(/-\d{8}T\d{9}Z/, '-20260101T000000000Z');
  const stamped = readdirSync(backups).filter(each => aged(each) !== each);
  for (const each of stamped) renameSync(join(backups, each), join(backups, aged(each)));
  return join(backups, aged(stamped.find(each => each.endsWith('.json')) ?? ''));
}

const usable = (open: () => safe.Database): string => {
  const db = open();
  try {
    db.prepare('SELECT count(*) FROM t').get();
    return 'usable';
  } finally {
    db.close();
  }
};

const operations: Readonly<Record<string, () => unknown>> = {
  open: () => usable(() => safe.openDatabase(file, { logger: false })),
  'open readonly': () => usable(() => new safe.Database(file, { logger: false, readonly: true })),
  attach: () => {
    const db = safe.openDatabase(other, { logger: false });
    try {
      db.attach(file, 'attached');
    } finally {
      db.close();
    }
  },
  readFence: () => safe.readFence(file)?.problem,
  clearFence: async () => (await safe.clearFence(file)).verified,
  verify: async () => (await safe.verifyDatabase(file)).ok,
  diagnose: async () => (await safe.diagnose(file)).status,
  'backup over it': async () => {
    const db = safe.openDatabase(other, { logger: false });
    try {
      await db.backup(file);
    } finally {
      db.close();
    }
  },
  'restore from it': async () => (await safe.restoreDatabase({ from: file, to: join(folder, 'new.db') })).verified,
  'scheduled backup': scheduled,
  'restore over it': async () => (await safe.restoreDatabase({ from: other, to: file })).verified,
};

function said(error: unknown): string {
  const { constructor, message, hint = '' } = error as Error & { hint?: string };
  const typed =
    error instanceof safe.SafeSqliteError || error instanceof safe.SqliteError || error instanceof TypeError;
  return `${typed ? '' : 'UNTYPED '}${constructor.name}: ${message} | ${hint}`;
}

build(file);
build(other);
mkdirSync(backups);
/** What a process that is gone would have left. */
const leftover = temporaryName({ ...thisProcess(), pid: 2 ** 30, started: '1' }, 'abc');

/** The names in the folder of scheduled backups, with one backup in it that is a year old. */
const inFolder: Readonly<Record<string, (manifest: string) => string>> = {
  manifest: manifest => manifest,
  backup: manifest => manifest.replace(/\.json$/, '.db'),
  'schedule lock': () => {
    const { id } = JSON.parse(readFileSync(`${other}-backup-id`, 'utf8')) as { id: string };
    return join(backups, `.other-${id.slice(0, 8)}.backup-lock`);
  },
  'backup id': () => `${other}-backup-id`,
  'staging folder': () => join(backups, leftover),
};
const within = inFolder[name];
if (within !== undefined) {
  await scheduled();
  place(within(await agedManifest()));
} else place(name === 'database' ? file : `${file}${name}`);

for (const [operation, act] of Object.entries(operations)) {
  process.stdout.write(`${JSON.stringify({ begin: operation })}\n`);
  let outcome: string;
  try {
    outcome = String(await act());
  } catch (error) {
    outcome = said(error);
  }
  process.stdout.write(`${JSON.stringify({ operation, outcome })}\n`);
}
