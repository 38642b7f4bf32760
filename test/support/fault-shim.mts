/** Starts programs whose file calls can be made to fail, be slow, lie or kill, and talks to them line by line. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { until } from './until.mts';
import { buildShim } from '../faults/shim/build.mts';
import { openFaultTable, type FaultTable } from '../faults/shim/control-file.mts';

export { everyCall } from '../faults/shim/control-file.mts';
export type { Action, Call, ErrnoName, FaultRule, FaultTable } from '../faults/shim/control-file.mts';

/** Why fault tests cannot run here, for `test(name, { skip })`; `false` when they can. */
export function faultsSkip(): string | false {
  const build = buildShim();
  return 'unavailable' in build ? build.unavailable : false;
}

/** Of many equal calls the first ones, then every fourth; all of them in the long form (`--long`). */
export function nextCall(nth: number): number {
  return process.env['LONG_TESTS'] !== undefined || nth < 6 ? nth + 1 : nth + 4;
}

/** One line of the log: a call that a rule matched, in the order in which the processes made them. */
export interface LoggedCall {
  readonly pid: number;
  readonly call: string;
  /** `pass` or the action that was applied. */
  readonly outcome: string;
  readonly nth: number;
  /** Byte offset and length where the call has them, else -1. */
  readonly offset: number;
  readonly length: number;
  readonly path: string;
}

/** A folder of its own with a table of faults, for any number of processes. */
export interface FaultBench extends Disposable {
  /** An empty folder for the files of the test, by its real path. */
  readonly folder: string;
  readonly faults: FaultTable;
  /** The environment that puts a process under these faults; merge it into `process.env`. */
  readonly environment: Readonly<Record<string, string>>;
  /** The calls that rules matched so far. Only with `log: true`. */
  log(): LoggedCall[];
  /** Resolves when the first rule was applied to so many calls: `'hold'` has them stand still then. Default 1. */
  hit(calls?: number): Promise<void>;
  /** Starts a scenario program (see scenario.mts) under these faults. */
  start(program: string, options?: StartOptions): Scenario;
}

export interface BenchOptions {
  /** Where the folder is made. Default: the system's folder for temporary files. */
  readonly below?: string;
  /** Keep a line for each call that a rule matches. Default `false`. */
  readonly log?: boolean;
}

export function createFaultBench(options: BenchOptions = {}): FaultBench {
  const build = buildShim();
  if ('unavailable' in build) throw new Error(build.unavailable);
  // The shim sees the paths of the kernel, so no symbolic link may stand in them.
  const root = realpathSync(mkdtempSync(join(options.below ?? tmpdir(), 'faults-')));
  // The table and the log stand in the system's folder: the folder under test may be full, read-only or gone.
  const side = options.below === undefined ? root : realpathSync(mkdtempSync(join(tmpdir(), 'faults-')));
  const faults = openFaultTable(join(side, 'control'));
  const logPath = join(side, 'log');
  const environment: Record<string, string> = { LD_PRELOAD: build.library, FAULT_CONTROL: faults.path };
  if (options.log === true) environment['FAULT_LOG'] = logPath;
  const started = new Set<Scenario>();

  return {
    folder: root,
    faults,
    environment,
    hit: (calls = 1) => until(() => (faults.counters()[0]?.hits ?? 0) >= calls, `a rule is applied to ${calls} calls`),
    log: () => (existsSync(logPath) ? parseLog(readFileSync(logPath, 'utf8')) : []),
    start(program, startOptions = {}) {
      const scenario = startScenario(program, {
        ...startOptions,
        env: { ...environment, FAULT_FOLDER: root, ...startOptions.env },
      });
      started.add(scenario);
      return scenario;
    },
    [Symbol.dispose]() {
      faults.heal();
      for (const scenario of started) scenario.kill();
      faults.close();
      rmSync(root, { recursive: true, force: true });
      rmSync(side, { recursive: true, force: true });
    },
  };
}

export function parseLog(text: string): LoggedCall[] {
  return text
    .split('\n')
    .filter(line => line !== '')
    .map(line => {
      const [pid, call = '', outcome = '', nth, offset, length, path = ''] = line.split('\t');
      return {
        pid: Number(pid),
        call,
        outcome,
        nth: Number(nth),
        offset: Number(offset),
        length: Number(length),
        path,
      };
    });
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Node flags before the program. */
  readonly execArgv?: readonly string[];
}

/** A running scenario program. */
export interface Scenario {
  readonly process: ChildProcess;
  /** Calls a handler of the program; rejects with what it threw, or with `ScenarioEndedError` when it died. */
  ask<T = unknown>(handler: string, argument?: unknown): Promise<T>;
  /** What the program reported of its own accord, in order. */
  readonly reports: unknown[];
  /** Called for each report as it comes in. */
  onReport(listener: (report: unknown) => void): void;
  /** Everything the program wrote to standard error. */
  stderr(): string;
  /** SIGKILL, as a power switch. */
  kill(): void;
  /** Resolves when the process is gone and its last line was read. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
}

export class ScenarioEndedError extends Error {
  readonly signal: NodeJS.Signals | null;

  constructor(signal: NodeJS.Signals | null, code: number | null, stderr: string) {
    super(`The scenario ended (signal ${signal}, code ${code}) before it answered.\n${stderr}`);
    this.name = 'ScenarioEndedError';
    this.signal = signal;
  }
}

/** What runs must not outlive a test file that failed or was cut off: a call that is held would be held for ever. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a scenario program without faults; `createFaultBench().start` is the same with them. */
export function startScenario(program: string, options: StartOptions = {}): Scenario {
  const child = spawn(process.execPath, [...(options.execArgv ?? []), program, ...(options.args ?? [])], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const reports: unknown[] = [];
  const listeners: ((report: unknown) => void)[] = [];
  let asked = 0;
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A program that was killed breaks the pipe; `ended` is what tells.
  child.stdin.on('error', () => undefined);

  createInterface({ input: child.stdout }).on('line', line => {
    const message = JSON.parse(line) as { answer?: number; value?: unknown; error?: object; report?: unknown };
    if (message.answer === undefined) {
      reports.push(message.report);
      for (const listener of listeners) listener(message.report);
      return;
    }
    const caller = waiting.get(message.answer);
    waiting.delete(message.answer);
    if (message.error === undefined) caller?.resolve(message.value);
    else caller?.reject(Object.assign(new Error('thrown in the scenario'), message.error));
  });

  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>(resolve => {
    child.on('close', (code, signal) => {
      for (const caller of waiting.values()) caller.reject(new ScenarioEndedError(signal, code, stderr));
      waiting.clear();
      resolve({ code, signal });
    });
  });

  return {
    process: child,
    reports,
    ended,
    onReport: listener => listeners.push(listener),
    stderr: () => stderr,
    kill: () => child.kill('SIGKILL'),
    ask<T>(handler: string, argument: unknown = null) {
      const caller = Promise.withResolvers<unknown>();
      asked += 1;
      if (child.exitCode !== null || child.signalCode !== null)
        caller.reject(new ScenarioEndedError(child.signalCode, child.exitCode, stderr));
      else {
        waiting.set(asked, caller);
        child.stdin.write(`${JSON.stringify({ ask: asked, handler, argument })}\n`);
      }
      return caller.promise as Promise<T>;
    },
  };
}
