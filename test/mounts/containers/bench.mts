/** Containers with databases of equal paths and one folder of backups, and what stands in that folder. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { Native, names } from '../../backup/fixture.mts';
import { inContainer } from './container.mts';
import type { Answer } from './service.mts';

export interface Bench {
  readonly root: string;
  /** Where every container sees its database. */
  readonly data: string;
  readonly backups: string;
  /** A scheduled backup of the database in `home`, in a new container. */
  readonly backUp: (home: string, newest?: number) => Promise<Answer>;
  readonly run: (home: string, order: { do: 'vacuum' } | { do: 'restore'; from: string }) => Promise<unknown>;
}

export function benchIn(root: string): Bench {
  const [data, backups] = [join(root, 'data'), join(root, 'backups')];
  for (const each of [data, backups]) mkdirSync(each);
  const file = join(data, 'app.db');
  const scratch = join(root, 'scratch');
  const mounted = (home: string) => ({ mounts: [[home, data] as const] });
  return {
    root,
    data,
    backups,
    backUp: (home, newest = 2) =>
      inContainer({ do: 'back-up', file, directory: backups, newest }, mounted(home), scratch),
    run: (home, order) => inContainer({ ...order, file }, mounted(home), scratch),
  };
}

/** A folder with the database of a service, which says whose it is. */
export function home(root: string, name: string): string {
  const path = join(root, name);
  mkdirSync(path);
  const db = new Native(join(path, 'app.db'));
  db.pragma('journal_mode=WAL');
  db.exec('CREATE TABLE who (name); CREATE TABLE filler (a)');
  db.prepare('INSERT INTO who VALUES (?)').run(name);
  db.prepare('INSERT INTO filler VALUES (randomblob(60000))').run();
  db.close();
  return path;
}

export function whose(path: string, readonly = true): string {
  const db = new Native(path, { readonly });
  try {
    assert.deepEqual(db.pragma('integrity_check', { simple: true }), 'ok');
    return String(db.prepare('SELECT name FROM who').pluck().get());
  } finally {
    db.close();
  }
}

/** Whose the backups in a folder are, and of how many manifests each is one. */
export function stored(backups: string): Record<string, number> {
  const found: Record<string, number> = {};
  for (const name of names(backups)) {
    if (!name.endsWith('.db')) continue;
    statSync(join(backups, name.replace(/\.db$/, '.json')));
    const owner = whose(join(backups, name));
    found[owner] = (found[owner] ?? 0) + 1;
  }
  return found;
}

export function idsOf(backups: string): ReadonlySet<unknown> {
  const manifests = names(backups).filter(name => name.endsWith('.json'));
  return new Set(
    manifests.map(name => (JSON.parse(readFileSync(join(backups, name), 'utf8')) as { database: string }).database),
  );
}

/** Lets the time pass after which what has no lock counts as left: ten minutes for what is written at once. */
export function age(path: string): void {
  const then = new Date(Date.now() - 11 * 60_000);
  for (const name of names(path)) {
    const isUnlocked = name.endsWith('.new') || (name.endsWith('.tmp') && statSync(join(path, name)).isFile());
    if (isUnlocked || name.endsWith('.json')) utimesSync(join(path, name), then, then);
  }
}

export function hidden(backups: string): string[] {
  return names(backups).filter(name => name.startsWith('.'));
}
