/** The questions put to this library on a ground. Each database is a new one and is taken away again. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Peer } from './peer.mts';
import type { Inspected, Opened, SafeAnswer, SafeError, SafeStep } from './safe.mts';
import { firstFailure, remove, value, type RawPeer } from './steps.mts';

export type SafePeer = Peer<SafeStep, SafeAnswer>;

export interface Ours {
  readonly inspected: Inspected;
  /** `new Database(file)`: what it threw, `null` where it opened. */
  readonly plain: SafeError | null;
  /** Names that stand in the folder after it, and did not before. */
  readonly created: readonly string[];
  readonly allowed: Allowed;
  /** The same on a database that raw better-sqlite3 left in WAL format, closed and with all rows in it. */
  readonly walFormat: Allowed;
  /** The same once more, where that was refused, after raw better-sqlite3 has taken the way out that the error names. */
  readonly afterWayOut?: Allowed;
}

/** `new Database(file, { dangerously: { allowNetworkFilesystem } })`: what it threw, or what came after it. */
export type Allowed = { readonly error: SafeError } | (Opened & { readonly failed: SafeError }) | (Opened & Used);

export interface Used {
  /** Suffixes of the files beside the database while it was open and written. */
  readonly files: readonly string[];
  /** Rows found, and whether they are in order. */
  readonly rows: unknown;
  readonly integrity: unknown;
}

export async function ours(safe: SafePeer, raw: RawPeer, folder: string, server: string): Promise<Ours> {
  const before = readdirSync(folder);
  const fresh = join(folder, 'ours.db');
  const inspected = (await answered(safe, { do: 'inspect', file: fresh })) as Inspected;
  const answer = await safe.ask({ do: 'open', file: fresh, allow: false });
  const plain = 'error' in answer ? answer.error : null;
  if (plain === null) await answered(safe, { do: 'close' });
  const created = readdirSync(folder).filter(name => !before.includes(name));
  remove(fresh);

  const second = join(folder, 'ours-allowed.db');
  const allowed = clean(second, await use(safe, second, ['CREATE TABLE t (v)']));
  await leaveInWalFormat(raw, join(server, 'ours-wal.db'));
  const file = join(folder, 'ours-wal.db');
  const walFormat = await use(safe, file, []);
  const result = { inspected, plain, created, allowed, walFormat };
  if (!('error' in walFormat) || walFormat.error.statements.length === 0) return clean(file, result);
  await raw.ask({ do: 'open', file });
  for (const sql of walFormat.error.statements) await value(raw, sql);
  await raw.ask({ do: 'close' });
  return clean(file, { ...result, afterWayOut: await use(safe, file, []) });
}

function clean<T>(file: string, result: T): T {
  remove(file);
  return result;
}

/** As a program on the server leaves it: in WAL format, with the `-wal` written back and gone. */
async function leaveInWalFormat(raw: RawPeer, file: string): Promise<void> {
  await raw.ask({ do: 'open', file });
  await value(raw, 'PRAGMA journal_mode = WAL');
  const failure = await firstFailure(raw, ['CREATE TABLE t (v)', "INSERT INTO t VALUES ('there before')"]);
  if (failure !== undefined) throw new Error(`${failure.code} at ${failure.at}: no WAL on the server`);
  await raw.ask({ do: 'close' });
}

async function use(safe: SafePeer, file: string, first: readonly string[]): Promise<Allowed> {
  const answer = await safe.ask({ do: 'open', file, allow: true });
  if ('error' in answer) return { error: answer.error };
  const opened = answer.value as Opened;
  const used = await write(safe, file, first);
  await answered(safe, { do: 'close' });
  return { ...opened, ...used };
}

async function write(safe: SafePeer, file: string, first: readonly string[]): Promise<Used | { failed: SafeError }> {
  for (const sql of [...first, "INSERT INTO t VALUES ('ours')"]) {
    const answer = await safe.ask({ do: 'sql', sql });
    if ('error' in answer) return { failed: answer.error };
  }
  const files = readdirSync(dirname(file))
    .filter(name => name.startsWith(`${basename(file)}-`))
    .map(name => name.slice(basename(file).length))
    .toSorted();
  const rows = await answered(safe, { do: 'sql', sql: 'SELECT count(*) FROM t' });
  const integrity = await answered(safe, { do: 'sql', sql: 'PRAGMA integrity_check' });
  return { files, rows, integrity };
}

/** Throws where the step fails. */
export async function answered(safe: SafePeer, step: SafeStep): Promise<unknown> {
  const answer = await safe.ask(step);
  if ('error' in answer) throw new Error(`${JSON.stringify(step)}: ${answer.error.code} ${answer.error.message}`);
  return answer.value;
}
