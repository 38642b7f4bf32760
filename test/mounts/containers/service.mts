/** Obeys one order as a service does: a scheduled backup, a restore or a VACUUM. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { diagnose, openDatabase, restoreDatabase, type DatabaseHealth } from 'safe-sqlite';
import { until } from '../../support/until.mts';

/** What the service has to do. */
export type Order =
  | {
      readonly do: 'back-up';
      readonly file: string;
      readonly directory: string;
      readonly newest: number;
      readonly doctor?: false;
    }
  | { readonly do: 'watch'; readonly file: string; readonly directory: string }
  | { readonly do: 'restore'; readonly from: string; readonly file: string }
  | { readonly do: 'vacuum'; readonly file: string };

/** What it says of a backup. */
export interface Answer {
  readonly made: readonly string[];
  readonly failed: readonly string[];
  /** Codes of the warnings about backups; the filesystem of a test has some of its own. */
  readonly warnings: readonly string[];
  readonly backups: DatabaseHealth['backups'];
  /** Why the database is degraded, as far as failed backups are the reason: on a slow machine two intervals pass as well. */
  readonly reasons: readonly string[];
  /** What the doctor says of the backups; empty where it was not asked. */
  readonly doctor: string;
  /** What tells this container from others: its host name, boot, and process. */
  readonly container: readonly string[];
}

export async function obey(given: Order): Promise<Answer | object> {
  if (given.do === 'restore') return restoreDatabase({ from: given.from, to: given.file });
  if (given.do === 'vacuum') {
    using db = openDatabase(given.file, { logger: false });
    db.exec('VACUUM');
    return {};
  }
  const { file, directory } = given;
  if (given.do === 'watch') {
    using db = openDatabase(file, { logger: false, backup: { directory, intervalMs: 1000 } });
    await until(() => db.health().backups?.overdue !== null, 'two intervals have passed without a backup');
    const { status, backups, reasons } = db.health();
    return { status, overdue: backups?.overdue, reasons };
  }
  const { newest } = given;
  const [made, failed, warnings]: [string[], string[], string[]] = [[], [], []];
  const db = openDatabase(file, {
    logger: false,
    backup: { directory, intervalMs: 1000, keep: { newest, daily: 0, weekly: 0 } },
  });
  db.events.on('backup', ({ path }) => made.push(path));
  db.events.on('backupFailed', ({ path, error }) => failed.push(`${path}: ${error.message}`));
  db.events.on('warning', ({ code }) => code.includes('backup') && warnings.push(code));
  const done = (): boolean => made.length + failed.length > 0 && db.health().backups?.running === false;
  await until(done, 'a backup is made, or fails');
  const { backups, reasons: all } = db.health();
  const reasons = all.filter(reason => /backups? failed/.test(reason));
  // Before the next one is due.
  db.close();
  const { findings } = given.doctor === false ? { findings: [] } : await diagnose(file, { backups: directory });
  const doctor = findings.find(({ code }) => code === 'backup')?.what ?? '';
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  return { made, failed, warnings, backups, reasons, doctor, container: [hostname(), boot, String(process.pid)] };
}
