/** Puts sentinels over all files of a connection: the database and what is attached to it. */
import type { FileIdentity } from '../base/file-identity';
import type { NativeDatabase } from '../native/better-sqlite3';
import { condemn, rescueLater, type Condemned, type Verdict } from './condemn';
import type { Finding } from './finding';
import { startRound } from './round';
import { createSentinel, type CheckMoment, type Sentinel, type SentinelStatus } from './sentinel';

export interface WatchedConnection extends Condemned {
  readonly native: NativeDatabase.Database;
  /** Calls `check` before each commit; it may throw to prevent it. */
  checkCommits(check: (() => void) | null): void;
}

export interface WatchOptions {
  readonly intervalMs: number;
  readonly onCommit: boolean;
  readonly rescueDirectory: string | null;
  /** The addon that the connection runs on. */
  readonly addon: FileIdentity | null;
}

export interface Watch {
  /** Watches one more file of this connection, after it was attached and read from once. */
  add(file: string, identity: FileIdentity): void;
  /** Forgets a file that was detached. */
  remove(file: string): void;
  /** The worst state of all files. */
  status(): SentinelStatus;
  /** To be called before the connection closes: its locks go with it. */
  stop(): void;
}

/** Watches `connection` until `stop`; a fatal finding fences it, saves what only it still sees, and is told once. */
export function watchConnection(connection: WatchedConnection, options: WatchOptions): Watch {
  const { native } = connection;
  const sentinels = new Map<string, Sentinel>();
  let verdict: Verdict | null = null;
  let fatal: Finding | null = null;

  const stopRound = startRound({ check }, options.intervalMs, handle);
  connection.checkCommits(options.onCommit ? beforeCommit : null);

  function check(moment: CheckMoment): Finding | null {
    if (fatal !== null) {
      if (verdict?.rescuePending === true && rescueLater(connection, fatal, options.rescueDirectory)) {
        verdict = { ...verdict, rescuePending: false };
      }
      return null;
    }
    let warning: Finding | null = null;
    for (const sentinel of sentinels.values()) {
      const finding = sentinel.check(moment);
      if (finding?.fatal === true) return finding;
      warning ??= finding;
    }
    return warning;
  }

  function beforeCommit(): void {
    const finding = check('commit');
    if (finding !== null) throw handle(finding);
  }

  function handle(finding: Finding): Error | null {
    if (finding.fatal) {
      fatal = finding;
      verdict = condemn(connection, finding, options.rescueDirectory);
      return verdict.error;
    }
    connection.hub.publish('warning', {
      code: warningCodes[finding.kind] ?? finding.kind,
      message: finding.message,
      details: { ...finding.details, culprits: finding.culprits },
    });
    return null;
  }

  return {
    add(file, identity) {
      const journalMode = journalModeOf(native, file);
      if (journalMode === null || sentinels.has(file)) return;
      const transaction = (): 'open' | 'none' => (native.inTransaction ? 'open' : 'none');
      sentinels.set(file, createSentinel({ file, identity, journalMode, transaction, addon: options.addon }));
    },
    remove(file) {
      sentinels.get(file)?.stop();
      sentinels.delete(file);
    },
    status() {
      const all = [...sentinels.values()].map(sentinel => sentinel.status());
      const checks = all.reduce((sum, status) => sum + status.checks, 0);
      const worst = all.find(status => status.locks === 'unsupported') ?? all[0];
      return worst === undefined
        ? { locks: 'unsupported', reason: 'no file is watched', checks }
        : { ...worst, checks };
    },
    stop() {
      stopRound();
      connection.checkCommits(null);
      for (const sentinel of sentinels.values()) sentinel.stop();
      sentinels.clear();
    },
  };
}

const warningCodes: Readonly<Partial<Record<Finding['kind'], string>>> = {
  hardLinked: 'hard-linked',
  foreignDescriptor: 'foreign-descriptor',
};

/** Asks for the journal mode of the schema behind a file; null when the connection has no such file. */
function journalModeOf(native: NativeDatabase.Database, file: string): string | null {
  const schemas = native.pragma('database_list') as readonly { readonly name: string; readonly file: string }[];
  const schema = schemas.find(each => each.file === file);
  if (schema === undefined) return null;
  return String(native.pragma(`"${schema.name.replaceAll('"', '""')}".journal_mode`, { simple: true }));
}
