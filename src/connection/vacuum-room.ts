/** Warns before a VACUUM for which there is little room: it writes the database anew, twice where it stays in place. */
import { dirname, resolve } from 'node:path';
import { formatBytes } from '../base/figures';
import { hasRoom, onOneFilesystem, readRoom, sqliteTempFolder } from '../filesystem/room';
import { headOf, statementsOf } from '../sql/statements';
import { isKeyword } from '../sql/names';
import type { Connection } from './connection';

/** Warns of each VACUUM without INTO in the text. */
export function warnOfVacuums(connection: Connection, sql: string): void {
  if (typeof sql !== 'string' || !/\bvacuum\b/i.test(sql)) return;
  // SQLite refuses VACUUM there, and reading the size would begin a deferred transaction's read.
  if (connection.native.inTransaction) return;
  for (const statement of statementsOf(sql)) {
    const { at, explained } = headOf(sql, statement);
    if (explained || !isKeyword(sql, statement[at], 'vacuum')) continue;
    const [next, second] = [statement[at + 1], statement[at + 2]];
    if (isKeyword(sql, next, 'into') || isKeyword(sql, second, 'into')) continue;
    const schema = next === undefined || next.kind === 'semicolon' ? 'main' : sql.slice(next.start, next.end);
    warnOfRebuild(connection, schema);
  }
}

/** VACUUM INTO writes one copy, without the free pages. */
export function warnOfCopy(connection: Connection, schema: string, destination: string): void {
  unlessUnknown(() => {
    const { bytes, freeBytes } = sizeOf(connection, schema);
    warnOf(connection, dirname(resolve(destination)), bytes - freeBytes, `VACUUM INTO ${destination}`);
  });
}

/**
 * A VACUUM in place makes a copy in SQLite's folder for temporary files, and writes all of it back through the -wal or the
 * journal. https://sqlite.org/lang_vacuum.html#how_vacuum_works
 */
function warnOfRebuild(connection: Connection, schema: string): void {
  unlessUnknown(() => {
    const { file, bytes } = sizeOf(connection, schema);
    if (file === '') return;
    const folder = dirname(file);
    const temporary = usesMemory(connection) ? null : sqliteTempFolder();
    const shares = temporary !== null && onOneFilesystem(temporary, folder);
    warnOf(connection, folder, shares ? 2 * bytes : bytes, 'VACUUM');
    if (temporary !== null && !shares) warnOf(connection, temporary, bytes, 'VACUUM');
  });
}

function warnOf(connection: Connection, folder: string, neededBytes: number, statement: string): void {
  const { plan, options, hub } = connection;
  const walBytes = options.checkpoint === 'off' ? undefined : options.checkpoint.walBytes;
  const room = readRoom({ folder, neededBytes, database: plan.file, walBytes, reserveBytes: null });
  if (hasRoom(room)) return;
  const { freeBytes, reserveBytes } = room;
  hub.publish('warning', {
    code: 'little-room',
    message: `${statement} on ${connection.file} can need ${formatBytes(neededBytes)} in ${folder}, where ${formatBytes(freeBytes)} are free and ${formatBytes(reserveBytes)} should stay: other writes may fail meanwhile.`,
    details: { folder, ...room },
  });
}

/** SQLite says itself what keeps a statement from running. */
function unlessUnknown(look: () => void): void {
  try {
    look();
  } catch {
    // A schema that is not there, a lock, or a folder without figures: there is nothing to warn of.
  }
}

/** `schema`: as it is written in SQL. */
function sizeOf(
  { native, verbose }: Connection,
  schema: string,
): { readonly file: string; readonly bytes: number; readonly freeBytes: number } {
  return verbose.quietly(() => {
    const read = (name: string): number => Number(native.pragma(`${schema}.${name}`, { simple: true }));
    const pageBytes = read('page_size');
    const bare = schema.replaceAll(/^["'`[]|["'`\]]$/g, '').toLowerCase();
    const rows = native.pragma('database_list') as { name: string; file: string | null }[];
    const file = rows.find(({ name }) => name.toLowerCase() === bare)?.file ?? '';
    return { file, bytes: pageBytes * read('page_count'), freeBytes: pageBytes * read('freelist_count') };
  });
}

function usesMemory({ native, verbose }: Connection): boolean {
  return verbose.quietly(() => native.pragma('temp_store', { simple: true }) === 2);
}
