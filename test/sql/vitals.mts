/** The settings of a connection that keep data safe, as SQLite itself tells them, and which of them became weaker. */
import Database from 'better-sqlite3';

const names = [
  'synchronous',
  'journal_mode',
  'locking_mode',
  'mmap_size',
  'wal_autocheckpoint',
  'cell_size_check',
  'trusted_schema',
  'writable_schema',
  'ignore_check_constraints',
  'schema_version',
  'fullfsync',
  'checkpoint_fullfsync',
  'temp_store_directory',
] as const;

export type VitalName = (typeof names)[number];
type Vitals = Readonly<Record<VitalName, unknown>>;

export function vitalsOf(db: Database.Database): Vitals {
  const vitals = {} as Record<VitalName, unknown>;
  for (const name of names) vitals[name] = db.pragma(`main.${name}`, { simple: true });
  return vitals;
}

/** Opens `file` as safe as it can be, and with the schema and journal mode unlocked for raw SQL (`unsafeMode`). */
export function openHardened(file: string, journal: 'wal' | 'delete'): Database.Database {
  const db = new Database(file);
  db.unsafeMode(true);
  db.pragma(`journal_mode = ${journal}`);
  db.pragma(`synchronous = ${journal === 'wal' ? 'FULL' : 'EXTRA'}`);
  for (const flag of ['cell_size_check', 'fullfsync', 'checkpoint_fullfsync']) db.pragma(`${flag} = on`);
  for (const flag of ['trusted_schema', 'wal_autocheckpoint', 'mmap_size']) db.pragma(`${flag} = 0`);
  return db;
}

/** The settings that are weaker in `now` than `openHardened` left them. */
export function weakened(before: Vitals, now: Vitals): VitalName[] {
  const rank = (mode: unknown): number =>
    mode === 'wal' ? 2 : ['delete', 'truncate', 'persist'].includes(String(mode)) ? 1 : 0;
  return names.filter(name => {
    if (name === 'synchronous') return Number(now[name]) < Number(before[name]);
    if (name === 'journal_mode') return rank(now[name]) === 0 || rank(now[name]) > rank(before[name]);
    return now[name] !== before[name];
  });
}
