/** Reads the facts of a database's header through SQLite. */
import { quotedName } from '../base/sql-name';
import type { NativeDatabase } from '../native/better-sqlite3';
import type { HeaderFacts } from './messages';

/** Reads the header of one schema, all of it from one snapshot if the caller holds a transaction. */
export function readHeader(db: NativeDatabase.Database, schema = 'main'): HeaderFacts {
  const prefix = `${quotedName(schema)}.`;
  const read = (name: string): unknown => db.pragma(`${prefix}${name}`, { simple: true });
  return {
    pageSize: Number(read('page_size')),
    pages: Number(read('page_count')),
    freePages: Number(read('freelist_count')),
    // `encoding` belongs to the connection: all its schemas share one. https://sqlite.org/pragma.html#pragma_encoding
    encoding: String(db.pragma('encoding', { simple: true })),
    userVersion: Number(read('user_version')),
    applicationId: Number(read('application_id')),
    schemaVersion: Number(read('schema_version')),
  };
}
