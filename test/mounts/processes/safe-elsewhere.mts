/** The other ways in which a file on a ground meets this library: reading it, attaching it, a backup that goes there. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { answered, type SafePeer } from './safe-questions.mts';
import { firstFailure, remove, value, type RawPeer } from './steps.mts';

/** Each is `'ok'`, or the class of the error. */
export interface Elsewhere {
  readonly readonly: string;
  readonly readonlyAllowed: string;
  /** `db.attach(file)` and `ATTACH` as SQL, from a database on other ground. */
  readonly attach: string;
  readonly attachSql: string;
  /** Names that reading and attaching have made in the folder. */
  readonly created: readonly string[];
  /** `db.backup(file)` from a database on other ground, and once more over the first. */
  readonly backup: string;
  readonly backupOver: string;
  /** What stands in the folder afterwards besides the backup, and what raw better-sqlite3 says of the backup. */
  readonly left: readonly string[];
  readonly copy: string;
}

/** `local` is a path on ground that is not under test; `server` another way to the folder, where there is one. */
export async function elsewhere(
  safe: SafePeer,
  raw: RawPeer,
  { folder, server, local }: { readonly folder: string; readonly server: string; readonly local: string },
): Promise<Elsewhere> {
  const before = readdirSync(folder);
  const made = (): string[] => readdirSync(folder).filter(name => !before.includes(name));
  const came = async (step: Parameters<SafePeer['ask']>[0]): Promise<string> => {
    const answer = await safe.ask(step);
    return 'error' in answer ? answer.error.name : 'ok';
  };
  const read = async (allow: boolean): Promise<string> => {
    const opened = await came({ do: 'open', file: join(folder, 'read.db'), allow, readonly: true });
    if (opened !== 'ok') return opened;
    const found = await came({ do: 'sql', sql: 'SELECT count(*) FROM t' });
    await answered(safe, { do: 'close' });
    return found;
  };

  await writeDatabase(raw, join(server, 'read.db'));
  const [readonly, readonlyAllowed] = [await read(false), await read(true)];
  remove(join(server, 'read.db'));

  await writeDatabase(raw, local);
  await answered(safe, { do: 'open', file: local, allow: false });
  const attach = await came({ do: 'attach', file: join(folder, 'attached.db') });
  const attachSql = await came({ do: 'sql', sql: `ATTACH '${join(folder, 'attached.db')}' AS another` });
  await answered(safe, { do: 'close' });
  const created = made();
  for (const name of created) rmSync(join(folder, name));

  await answered(safe, { do: 'open', file: local, allow: false });
  const file = join(folder, 'backup.db');
  const backup = await came({ do: 'backup', file, overwrite: false });
  const backupOver = await came({ do: 'backup', file, overwrite: true });
  await answered(safe, { do: 'close' });
  const left = made().filter(name => name !== 'backup.db');
  await raw.ask({ do: 'open', file: join(server, 'backup.db') });
  const copy = `${await value(raw, 'SELECT count(*) FROM t')} row, ${await value(raw, 'PRAGMA integrity_check')}`;
  await raw.ask({ do: 'close' });
  for (const path of [file, local]) remove(path);
  return { readonly, readonlyAllowed, attach, attachSql, created, backup, backupOver, left, copy };
}

async function writeDatabase(raw: RawPeer, file: string): Promise<void> {
  await raw.ask({ do: 'open', file });
  const failure = await firstFailure(raw, ['CREATE TABLE t (v)', 'INSERT INTO t VALUES (1)']);
  if (failure !== undefined) throw new Error(`${failure.code} at ${failure.at}: ${file}`);
  await raw.ask({ do: 'close' });
}
