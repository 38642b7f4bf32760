/** The two subjects of the drop-in suite: better-sqlite3 itself, and ours. Each test runs over both. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import BetterSqlite3 from 'better-sqlite3';
import SafeSqlite from 'safe-sqlite';

type Constructor = typeof BetterSqlite3;
export type Db = BetterSqlite3.Database;

export interface Subject {
  readonly name: 'better-sqlite3' | 'safe-sqlite';
  readonly ours: boolean;
  readonly Database: Constructor;
  /** The specifier that a worker or a child requires. */
  readonly specifier: string;
}

// The type tests prove that our constructor is assignable; here only the behaviour counts.
const ours = SafeSqlite as unknown as Constructor;

export const subjects: readonly Subject[] = [
  { name: 'better-sqlite3', ours: false, Database: BetterSqlite3, specifier: 'better-sqlite3' },
  { name: 'safe-sqlite', ours: true, Database: ours, specifier: 'safe-sqlite' },
];

/** Options that keep the test output quiet; better-sqlite3 ignores what it does not know. */
export const quiet = { logger: false } as BetterSqlite3.Options;

export interface Bench extends Subject {
  /** A path in a folder that is removed after the suite. */
  path(name?: string): string;
  /** A new database file with a table `t (id INTEGER PRIMARY KEY, a, b)`. */
  open(options?: BetterSqlite3.Options & Record<string, unknown>): Db;
  memory(): Db;
}

/** Declares a suite over both subjects. */
export function suite(title: string, body: (bench: Bench) => void): void {
  for (const subject of subjects) {
    describe(`${title}: ${subject.name}`, () => {
      const folder = mkdtempSync(join(tmpdir(), 'drop-in-'));
      const opened: Db[] = [];
      let count = 0;
      after(() => {
        for (const db of opened) if (db.open) db.close();
        rmSync(folder, { recursive: true, force: true });
      });
      const path = (name = `${(count += 1)}.db`): string => join(folder, name);
      const remember = (db: Db): Db => {
        opened.push(db);
        return db;
      };
      body({
        ...subject,
        path,
        open(options) {
          const db = remember(new subject.Database(path(), { ...quiet, ...options }));
          if (options?.readonly !== true) db.exec('CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, a, b)');
          return db;
        },
        memory() {
          const db = remember(new subject.Database(':memory:', quiet));
          db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)');
          return db;
        },
      });
    });
  }
}

/**
 * A test whose two subjects differ on purpose. `heading` is a heading of docs/differences.md; test/contract checks
 * that page and suite name the same differences.
 */
export function difference(
  heading: string,
  bench: Bench,
  sides: {
    readonly theirs: () => void | Promise<void>;
    readonly ours: () => void | Promise<void>;
    /** Why it cannot be shown here. */
    readonly skip?: string | false;
  },
): void {
  test(`differs: ${heading}`, { skip: sides.skip ?? false }, () => (bench.ours ? sides.ours() : sides.theirs()));
}

/** Runs `call` and returns what it throws. */
export function thrownBy(call: () => unknown): Error & { code?: string } {
  try {
    call();
  } catch (error) {
    assert.ok(error instanceof Error, `threw ${String(error)}`);
    return error;
  }
  return assert.fail('it did not throw');
}
