/** Reads a database through this library, as an application does after a crash. */
import { existsSync } from 'node:fs';
import { Database, FencedDatabaseError } from 'safe-sqlite';
import type { Handle, Journal } from '../../faults/subject.mts';
import { readDatabase, reasonOf, type Found } from './judge.mts';

/** `journal`: that of the application; another one would change the file. */
export function readWithOurs(path: string, journal: Journal): Found {
  try {
    return read(path, journal, false);
  } catch (error) {
    // A fence that stands is no fault of the data: it may be read, and nothing else.
    if (error instanceof FencedDatabaseError && existsSync(`${path}-fenced`)) return read(path, journal, true);
    return { present: new Set(), faults: [`cannot be read: ${reasonOf(error)}`] };
  }
}

function read(path: string, journal: Journal, readonly: boolean): Found {
  using database = new Database(path, {
    logger: false,
    readonly,
    journalMode: journal === 'wal' ? 'wal' : 'rollback',
  });
  return readDatabase(database as unknown as Handle);
}
