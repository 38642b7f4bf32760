/** Tries what one process with raw better-sqlite3 can do on a filesystem, and what it leaves where it cannot. */
import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { firstFailure, remove, value, type Mode, type RawPeer } from './steps.mts';

/** Whether one process alone can work in this mode, and what is left where it cannot. */
export interface Alone {
  /** What `PRAGMA journal_mode` answered. */
  readonly pragma: string;
  /** `'ok'`, or the code of the first statement that failed after it, with that statement. */
  readonly result: string;
  /** Where it failed: the files it left, and whether a new connection can read them. */
  readonly left?: { readonly files: readonly string[]; readonly reopened: string; readonly wayOut: string };
}

/** Commits enough for SQLite to take every lock of its protocol again and again. */
const commits = 20;

export async function alone(peer: RawPeer, folder: string, mode: Mode): Promise<Alone> {
  const file = join(folder, `alone-${mode.toLowerCase()}.db`);
  await peer.ask({ do: 'open', file });
  const pragma = await value(peer, `PRAGMA journal_mode = ${mode}`);
  const failure = await firstFailure(peer, [
    'PRAGMA synchronous = FULL',
    'CREATE TABLE t (v)',
    ...Array.from({ length: commits }, (_, n) => `INSERT INTO t VALUES (${n})`),
  ]);
  const result =
    failure === undefined ? await value(peer, 'PRAGMA integrity_check') : `${failure.code} at ${failure.at}`;
  await peer.ask({ do: 'close' });
  const left = failure === undefined || mode === 'DELETE' ? undefined : await whatIsLeft(peer, file);
  remove(file);
  return left === undefined ? { pragma, result } : { pragma, result, left };
}

async function whatIsLeft(peer: RawPeer, file: string): Promise<Alone['left']> {
  const files = readdirSync(dirname(file))
    .filter(name => name.startsWith(basename(file)))
    .map(
      name => `${name.slice(basename(file).length) || 'database'}: ${statSync(join(dirname(file), name)).size} bytes`,
    )
    .toSorted();
  await peer.ask({ do: 'open', file });
  const reopened = await value(peer, 'SELECT count(*) FROM sqlite_schema');
  await peer.ask({ do: 'close' });
  // With exclusive locking before the first read SQLite needs no shared memory (wal.html#noshm).
  await peer.ask({ do: 'open', file });
  const mode = await firstFailure(peer, ['PRAGMA locking_mode = EXCLUSIVE']);
  const wayOut = mode?.code ?? (await value(peer, 'PRAGMA journal_mode = DELETE'));
  await peer.ask({ do: 'close' });
  return { files, reopened, wayOut };
}
