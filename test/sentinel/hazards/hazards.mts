/** The hazards by name: what strikes, and what another process does then that the locks would have kept it from. */
import type { once } from 'node:events';
import type nodeFs from 'node:fs';
import type BetterSqlite from 'better-sqlite3';
import type * as NodeSqlite from 'node:sqlite';
import type { setImmediate } from 'node:timers/promises';

export interface Scene {
  readonly file: string;
  /** Path of a second installed copy of better-sqlite3. */
  readonly second: string;
  readonly require: NodeJS.Require;
  readonly fs: typeof nodeFs;
  readonly immediate: typeof setImmediate;
  readonly once: typeof once;
}

export interface Hazard {
  strike(scene: Scene): unknown;
  /** JavaScript that another process runs with `d`, a raw connection to the file. */
  readonly other?: string;
  /** True when the process guard keeps it from striking. */
  readonly guarded: boolean;
}

// With the lock of the connection on the database gone, another process may have the file for itself, and deletes the
// `-wal`, which the connection goes on writing to, when it closes.
const takeItAll = "d.pragma('locking_mode=EXCLUSIVE');d.exec('SELECT * FROM t')";

export const hazards: Readonly<Record<string, Hazard>> = {
  'node:sqlite opens and closes it': {
    guarded: true,
    strike({ file, require }) {
      const { DatabaseSync } = require('node:sqlite') as typeof NodeSqlite;
      const db = new DatabaseSync(file);
      db.prepare('SELECT * FROM t').all();
      db.close();
    },
  },
  'a second better-sqlite3 opens and closes it': {
    guarded: false,
    strike({ file, second, require }) {
      const Second = require(second) as typeof BetterSqlite;
      const db = new Second(file);
      db.prepare('SELECT * FROM t').all();
      db.close();
    },
  },
  'fs.readFileSync': { guarded: true, other: takeItAll, strike: ({ file, fs }) => fs.readFileSync(file) },
  'fs.copyFileSync': {
    guarded: true,
    other: takeItAll,
    strike: ({ file, fs }) => fs.copyFileSync(file, `${file}.copy`),
  },
  'fs.promises.readFile': { guarded: true, other: takeItAll, strike: ({ file, fs }) => fs.promises.readFile(file) },
  'a read stream': {
    guarded: true,
    other: takeItAll,
    strike: ({ file, fs, once }) => once(fs.createReadStream(file).resume(), 'close'),
  },
  'fs.readFileSync of the -shm': {
    guarded: true,
    other: takeItAll,
    strike({ file, fs }) {
      fs.readFileSync(`${file}-shm`);
      fs.readFileSync(file);
    },
  },
  'mv over the file': {
    guarded: true,
    strike({ file, fs }) {
      fs.writeFileSync(`${file}.new`, '');
      fs.renameSync(`${file}.new`, file);
    },
  },
  'rename while open': { guarded: false, strike: ({ file, fs }) => fs.renameSync(file, `${file}.moved`) },
  'rm of the sidecars': {
    guarded: false,
    strike({ file, fs }) {
      fs.rmSync(`${file}-wal`);
      fs.rmSync(`${file}-shm`);
    },
  },
};
