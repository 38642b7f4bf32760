/** Records the reports and files of a soak, and what is wrong with them. */
import type { PlainError } from '../support/fault-scenario.mts';
import { openAccount, type Promised } from './account.mts';
import type { LedgerView } from './ledger.mts';
import type { FaultKind } from './weather.mts';
import type { WorkerReport } from './worker.mts';

/** A backup, and what it must hold. */
export interface NewBackup {
  readonly path: string;
  readonly least: Promised;
}

/** What was under way when a fault ended may still be told. */
const graceMs = 4000;

/** Codes that each weather explains, by their beginning. */
const explains: Readonly<Record<FaultKind, readonly string[]>> = {
  'slow disk': [],
  'full disk': ['SQLITE_FULL'],
  'full database': ['SQLITE_FULL'],
  'dead disk': ['SQLITE_IOERR', 'SAFE_SQLITE_'],
};

export class Notes {
  readonly account = openAccount();
  /** Broken promises, unexplained errors, false alarms. */
  readonly faults: string[] = [];
  readonly counts = { snapshots: 0, backups: 0, checkpoints: 0, fences: 0, explained: 0 };
  readonly weather: Partial<Record<FaultKind, number>> = {};
  readonly newBackups: NewBackup[] = [];
  #onLine: (line: string) => void;
  #begun = performance.now();
  #kind: FaultKind | null = null;
  #until = Infinity;
  #fenced = Promise.withResolvers<void>();
  // A backup holds what was acknowledged before it began, and the one before the last had surely ended by then.
  #least: readonly [Promised, Promised] = [new Map(), new Map()];

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  /** Milliseconds since the start. */
  now(): number {
    return performance.now() - this.#begun;
  }

  /** Resolves when a process says that the file is fenced. */
  get fenced(): Promise<void> {
    return this.#fenced.promise;
  }

  turnsTo(kind: FaultKind): void {
    this.#kind = kind;
    this.#until = Infinity;
    this.#fenced = Promise.withResolvers();
    this.weather[kind] = (this.weather[kind] ?? 0) + 1;
    this.#say(`${kind}; ${JSON.stringify({ ...this.account.sums(), ...this.counts })}`);
  }

  clearsUp(): void {
    this.#until = this.now() + graceMs;
  }

  wrong(fault: string): void {
    this.faults.push(fault);
    this.#say(fault);
  }

  hear(writer: number, report: WorkerReport): void {
    if ('entry' in report) this.account.enter(writer, report.entry);
    else if ('error' in report) this.explain(report.error, report.during);
    else if ('alarm' in report) this.wrong(`false alarm: ${report.alarm}`);
    else if ('checkpoints' in report) this.counts.checkpoints += 1;
    else if ('backup' in report) {
      this.newBackups.push({ path: report.backup, least: this.#least[0] });
      this.#least = [this.#least[1], this.account.promised()];
    } else {
      if (this.#weatherNow() !== 'dead disk') this.wrong('fenced without a fault');
      this.#fenced.resolve();
    }
  }

  explain(error: PlainError, during: string): void {
    const kind = this.#weatherNow();
    const codes = [error.code, error.cause?.code, error.cause?.cause?.code];
    if (kind !== null && codes.some(code => explains[kind].some(start => code?.startsWith(start))))
      this.counts.explained += 1;
    else this.wrong(`${during} failed in ${kind ?? 'calm weather'}: ${error.code} ${error.message}`);
  }

  compare(view: LedgerView, promised: Promised, what: string): void {
    this.counts.snapshots += 1;
    for (const fault of this.account.faultsOf(view, promised)) this.wrong(`${what}: ${fault}`);
  }

  #weatherNow(): FaultKind | null {
    return this.now() < this.#until ? this.#kind : null;
  }

  #say(line: string): void {
    this.#onLine(`${Math.round(this.now() / 1000)} s: ${line}`);
  }
}
