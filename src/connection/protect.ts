/** Sets every protection on a native connection, reads each back, and throws where SQLite answers otherwise. */
import { UnprovedProtectionError } from '../errors/refusals';
import type { NativeDatabase } from '../native/better-sqlite3';
import { connectionProtections, schemaProtections, type Protection } from '../policy/protections';

type Native = NativeDatabase.Database;

export interface ProtectionGround {
  readonly durability: 'full' | 'extra';
  readonly fullfsync: boolean;
  /** Protections that the application gave up with a reason (`dangerously`). */
  readonly givenUp: ReadonlySet<string>;
}

/** A schema of the connection with the file behind it; `''` for one in memory or a temporary one. */
export interface Schema {
  readonly name: string;
  readonly file: string;
}

export function schemasOf(native: Native): Schema[] {
  const rows = native.pragma('database_list') as { name: string; file: string | null }[];
  return rows.map(row => ({ name: row.name, file: row.file ?? '' }));
}

/** Protects the connection itself and every schema that has a file. */
export function protect(native: Native, ground: ProtectionGround): void {
  for (const protection of connectionProtections(ground)) setAndProve(native, protection, null, ground);
  for (const schema of schemasOf(native)) if (schema.file !== '') protectSchema(native, schema.name, ground);
}

export function protectSchema(native: Native, schema: string, ground: ProtectionGround): void {
  // Reading a page first lets SQLite open the WAL, which is the moment when it lowers an implicit `synchronous`.
  readPage(native, schema);
  const journalMode = String(native.pragma(`${quoted(schema)}.journal_mode`, { simple: true }));
  for (const protection of schemaProtections({ journalMode, durability: ground.durability })) {
    setAndProve(native, protection, schema, ground);
  }
}

/** Reads from the file, which also maps the `-shm` of a WAL database: what cannot be used fails here, at open. */
export function readPage(native: Native, schema: string): void {
  native.prepare(`SELECT 1 FROM ${quoted(schema)}.sqlite_schema LIMIT 1`).get();
}

function setAndProve(native: Native, protection: Protection, schema: string | null, ground: ProtectionGround): void {
  if (ground.givenUp.has(protection.name)) return;
  const { name, pragma, value, expected, reason } = protection;
  const target = schema === null ? pragma : `${quoted(schema)}.${pragma}`;
  native.pragma(`${target} = ${value}`);
  const answer = native.pragma(target, { simple: true }) as string | number | undefined;
  // Some pragmas answer nothing where they do not apply: `mmap_size` of a file that cannot be mapped.
  if (answer === undefined || expected.includes(answer)) return;
  throw new UnprovedProtectionError(
    `SQLite answers ${answer} to PRAGMA ${target} after it was set to ${value} on ${native.name}: the protection "${name}" cannot be proved.`,
    {
      hint: `The database was not opened, because ${reason}. Check the build of SQLite inside better-sqlite3.`,
      details: { file: native.name, protection: name, pragma, schema, wanted: value, answer },
    },
  );
}

/** A schema name as SQL: names come from `ATTACH … AS` and may hold anything. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
