/** Describes the machine of the numbers: enough to compare, nothing that names the machine. */
import { cpus, release, tmpdir, totalmem, type } from 'node:os';
import { join } from 'node:path';
import { mkdtempSync, rmSync } from 'node:fs';
import { Database } from 'safe-sqlite';
import BetterSqlite3 from 'better-sqlite3';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly filesystem: string;
  readonly node: string;
  readonly sqlite: string;
}

export function describeMachine(): Machine {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const db = new Database(join(folder, 't.db'), { logger: false });
  const filesystem = db.plan.filesystem?.type ?? 'unknown';
  db.close();
  rmSync(folder, { recursive: true, force: true });
  const memory = new BetterSqlite3(':memory:');
  const sqlite = String(memory.prepare('SELECT sqlite_version()').pluck().get());
  memory.close();
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    // The version alone: the suffix of a distribution may name the machine.
    system: `${type()} ${release().split('-')[0]}`,
    filesystem,
    node: process.version,
    sqlite,
  };
}
