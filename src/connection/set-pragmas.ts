/** Sets every protection on a native connection, reads each back, and throws on any other value. */
import { quotedName } from '../base/sql-name';
import { UnprovedProtectionError } from '../errors/refusals';
import type { NativeDatabase } from '../native/better-sqlite3';
import type { Verbose } from './verbose';
import { connectionProtections, schemaProtections, type Protection } from '../policy/protections';

type Native = NativeDatabase.Database;

export interface ProtectionInputs {
  readonly durability: 'full' | 'extra';
  readonly fullfsync: boolean;
  readonly platform: NodeJS.Platform;
  /** Protections that the application gave up with a reason (`dangerously`). */
  readonly givenUp: ReadonlySet<string>;
}

/** A schema of the connection with its file; `''` for an in-memory or temporary one. */
export interface Schema {
  readonly name: string;
  readonly file: string;
}

export function schemasOf(native: Native): Schema[] {
  const rows = native.prepare('PRAGMA database_list').all() as { name: string; file: string | null }[];
  return rows.map(row => ({ name: row.name, file: row.file ?? '' }));
}

/** Executes a PRAGMA that sets a value. */
type Setter = (native: Native, pragma: string) => void;

/**
 * Also while an iterator is open: better-sqlite3 then refuses `pragma()` and `run()`, but each pragma that is set here acts
 * while it is prepared, and is read back.
 */
const whenever: Setter = (native, pragma) => {
  const statement = native.prepare(`PRAGMA ${pragma}`);
  if (statement.reader) return void statement.all();
  try {
    statement.run();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
};
/** A tenth of the cost of `pragma()`; better-sqlite3 refuses it while an iterator is open. */
const unused: Setter = (native, pragma) => native.exec(`PRAGMA ${pragma}`);

/** Protects the connection itself and every schema that has a file. */
export function setPragmas(native: Native, ground: ProtectionInputs): void {
  for (const protection of connectionProtections(ground)) set(native, protection, null, ground, whenever);
  for (const schema of schemasOf(native)) {
    if (schema.file === '') continue;
    // Reading a page first makes SQLite open the WAL, at which point it lowers an implicit `synchronous`.
    readPage(native, schema.name);
    protectSchema(native, schema.name, ground, whenever);
  }
}

/** The same for an unused connection that has read a page, if it has a file. Returns the journal mode of the file. */
export function setPragmasOfNew(
  native: Native,
  ground: ProtectionInputs,
  { hasFile }: { readonly hasFile: boolean },
): string | null {
  // SQL may lower the level where that is permitted; until it does, the level is what was planned.
  const whole = { ...ground, givenUp: new Set<string>() };
  for (const protection of connectionProtections(whole)) set(native, protection, null, whole, unused);
  return hasFile ? protectSchema(native, 'main', whole, unused) : null;
}

/** Only reads back: SQLite does not allow setting `synchronous` inside a transaction. */
export function verifyPragmas(native: Native, ground: ProtectionInputs): void {
  for (const protection of connectionProtections(ground)) readBack(native, protection, null, ground);
  for (const schema of schemasOf(native)) {
    if (schema.file === '') continue;
    for (const protection of protectionsOf(schema.name, journalModeOf(native, schema.name), ground))
      readBack(native, protection, schema.name, ground);
  }
}

/** Returns its journal mode. */
function protectSchema(native: Native, schema: string, ground: ProtectionInputs, setter: Setter): string {
  const journalMode = journalModeOf(native, schema);
  for (const protection of protectionsOf(schema, journalMode, ground)) set(native, protection, schema, ground, setter);
  return journalMode;
}

/** The journal mode of each schema with a file, on which a commit depends. */
export function journalModesOf(native: Native): string[] {
  const files = schemasOf(native).filter(({ file }) => file !== '');
  return files.map(({ name }) => journalModeOf(native, name));
}

/** Not with `pragma()`, which is refused while an iterator is open. */
export function journalModeOf(native: Native, schema: string): string {
  return String(
    native
      .prepare(`PRAGMA ${quotedName(schema)}.journal_mode`)
      .pluck()
      .get(),
  );
}

/** https://sqlite.org/pragma.html#pragma_synchronous */
const levels = ['off', 'normal', 'full', 'extra'] as const;

export type SynchronousLevel = (typeof levels)[number];

export function synchronousOf(native: Native, schema: string): SynchronousLevel {
  const level = native
    .prepare(`PRAGMA ${quotedName(schema)}.synchronous`)
    .pluck()
    .get();
  return levels[Number(level)] ?? 'off';
}

function protectionsOf(schema: string, journalMode: string, ground: ProtectionInputs): readonly Protection[] {
  const { durability, platform } = ground;
  return schemaProtections({ journalMode, durability, platform, attached: schema !== 'main' });
}

/** Reads from the file, which also maps the `-shm` of a WAL database: an unusable file fails here, at open. */
export function readPage(native: Native, schema: string): void {
  native.prepare(`SELECT 1 FROM ${quotedName(schema)}.sqlite_schema LIMIT 1`).get();
}

function set(
  native: Native,
  protection: Protection,
  schema: string | null,
  ground: ProtectionInputs,
  setter: Setter,
): void {
  if (ground.givenUp.has(protection.name)) return;
  setter(native, `${target(protection, schema)} = ${protection.value}`);
  readBack(native, protection, schema, ground);
}

function readBack(native: Native, protection: Protection, schema: string | null, ground: ProtectionInputs): void {
  if (ground.givenUp.has(protection.name)) return;
  const { name, value, expected, reason } = protection;
  const pragma = target(protection, schema);
  const answer = native.prepare(`PRAGMA ${pragma}`).pluck().get() as string | number | undefined;
  // `mmap_size` returns no row if a file cannot be mapped at all.
  if (answer === undefined || expected.includes(answer)) return;
  throw new UnprovedProtectionError(
    `PRAGMA ${pragma} on ${native.name} is ${answer}, expected ${value}: protection "${name}" is not active.`,
    {
      hint: `The protection exists because ${reason}. Check what else sets pragmas on this connection, and the build of SQLite inside better-sqlite3.`,
      details: { file: native.name, protection: name, pragma, wanted: value, answer },
    },
  );
}

function target(protection: Protection, schema: string | null): string {
  return schema === null ? protection.pragma : `${quotedName(schema)}.${protection.pragma}`;
}

// Reads and sets PRAGMA foreign_keys, which is not a protection: schema changes have to switch it off.

interface QuietConnection {
  readonly native: Native;
  readonly verbose: Verbose;
}

/** Returns whether foreign keys are enforced. */
export function foreignKeysOf({ native, verbose }: QuietConnection): boolean {
  return verbose.quietly(() => native.prepare('PRAGMA foreign_keys').pluck().get() === 1);
}

/** Outside a transaction; inside, SQLite ignores it. */
export function setForeignKeys({ native, verbose }: QuietConnection, enforced: boolean): void {
  verbose.quietly(() => native.prepare(`PRAGMA foreign_keys = ${enforced ? 'ON' : 'OFF'}`).run());
}
