/**
 * Measures what a few calls of `fs` cost alone, and what they cost in front of a commit of better-sqlite3, in memory and on disk: a
 * process that has waited for a disk goes on with cold caches.
 *
 *     node bench/between-syncs.mts
 *
 * It writes bench/results/between-syncs.json.
 */
import { existsSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Native from 'better-sqlite3';
import { describeMachine } from './machine.mts';

const kinds = ['commits', 'calls and commits', 'calls'] as const;

/** Microseconds of each kind: the quartile of blocks of ten that run in turns. */
function measure(ground: string): Record<(typeof kinds)[number], number> {
  const folder = mkdtempSync(join(ground, 'safe-sqlite-between-syncs-'));
  try {
    const db = new Native(join(folder, 'a.db'));
    db.pragma('journal_mode = WAL');
    db.pragma('synchronous = FULL');
    db.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a)');
    const insert = db.prepare('INSERT INTO t (a) VALUES (1)');
    for (let row = 0; row < 4000; row += 1) insert.run();
    const fd = openSync('/proc/self/fdinfo/1', 'r');
    const buffer = Buffer.alloc(4096);
    // As the check before a commit: two texts of the kernel, and one look each at the folder, the index, the WAL and the database.
    const calls = (): void => {
      for (let text = 0; text < 2; text += 1) buffer.toString('latin1', 0, readSync(fd, buffer, 0, buffer.length, 0));
      statSync(folder, { bigint: true });
      for (let look = 0; look < 3; look += 1) fstatSync(fd);
    };
    const costs = new Map(kinds.map(kind => [kind, [] as number[]]));
    for (let block = 0; block < 400; block += 1)
      for (const [kind, all] of costs) {
        const before = performance.now();
        for (let call = 0; call < 10; call += 1) {
          if (kind !== 'commits') calls();
          if (kind !== 'calls') insert.run();
        }
        all.push(((performance.now() - before) * 1000) / 10);
      }
    db.close();
    const quartile = (all: readonly number[]): number => all.toSorted((a, b) => a - b)[all.length >> 2] ?? Number.NaN;
    const entries = [...costs].map(([kind, all]) => [kind, Math.round(quartile(all) * 10) / 10]);
    return Object.fromEntries(entries) as Record<(typeof kinds)[number], number>;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const result = {
  machine: describeMachine(),
  memory: measure(existsSync('/dev/shm') ? '/dev/shm' : tmpdir()),
  disk: measure(tmpdir()),
};
console.log(result);
writeFileSync(join(import.meta.dirname, 'results/between-syncs.json'), `${JSON.stringify(result, null, 2)}\n`);
