/**
 * Starts the programs of this package that run beside the application, in a thread or a process.
 *
 * Their code is carried as text, each in one piece that imports only Node's modules and better-sqlite3. A separate file
 * would be lost where a bundler, a file tracer or an archive (Yarn's zip, Electron's asar) moves the code; a text moves
 * with it (docs/decisions/0008). Each program gets the path of the better-sqlite3 that this thread has loaded: another
 * file would be another copy of SQLite.
 */
import type { ChildProcess, IOType } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { isNextTickReplaced } from '../base/clock';
import { betterSqlite3File } from './loaded-modules';

/**
 * `worker`: jobs, in a thread or a process. `reader`: reads of the application. `doctor`: examines files and opens no
 * database.
 */
export type ProgramName = 'worker' | 'reader' | 'doctor';

/** The reason why a program cannot run here, and the remedy. */
export interface ProgramObstacle {
  /**
   * - `permission`: Node's permission model forbids it
   * - `bundled`: better-sqlite3 is part of the bundle
   * - `single-executable`: the executable of this process is the application, not Node
   * - `fake-timers`: a test runner has replaced `process.nextTick`, without which no message of a process arrives
   */
  readonly kind: 'permission' | 'bundled' | 'single-executable' | 'fake-timers';
  /** A sentence without its full stop. */
  readonly reason: string;
  /** The change to make, as an imperative. */
  readonly remedy: string;
}

/** Returns why a program cannot run in a thread; null if it can. */
export function whyNoThread(): ProgramObstacle | null {
  if (!isPermitted('worker')) {
    return {
      kind: 'permission',
      reason: "Node's permission model allows no worker threads",
      remedy: 'start Node with --allow-worker',
    };
  }
  return whyNoBetterSqlite3();
}

/** Returns why a program cannot run in a process; null if it can. */
export function whyNoProcess(name: ProgramName): ProgramObstacle | null {
  if (!isPermitted('child')) {
    return {
      kind: 'permission',
      reason: "Node's permission model allows no child processes",
      remedy: 'start Node with --allow-child-process',
    };
  }
  if (isSingleExecutable()) {
    return {
      kind: 'single-executable',
      reason: `${process.execPath} is a single executable application, which would start itself again`,
      remedy: 'run `npx safe-sqlite` with an installed Node',
    };
  }
  if (isNextTickReplaced()) {
    return {
      kind: 'fake-timers',
      reason: 'process.nextTick is replaced, so no message of another process arrives',
      remedy: 'leave nextTick out of the fake timers (Jest and Vitest: toFake / doNotFake)',
    };
  }
  return name === 'doctor' ? null : whyNoBetterSqlite3();
}

function whyNoBetterSqlite3(): ProgramObstacle | null {
  if (betterSqlite3File() !== null) return null;
  return {
    kind: 'bundled',
    reason: 'better-sqlite3 is part of the bundle, so nothing else can load the same copy of SQLite',
    remedy: "leave better-sqlite3 out of the bundle (external: ['better-sqlite3'])",
  };
}

function isPermitted(scope: 'worker' | 'child'): boolean {
  // Exists with --permission only, whatever the types say.
  const permission = process.permission as typeof process.permission | undefined;
  return permission === undefined || permission.has(scope);
}

function isSingleExecutable(): boolean {
  return process.getBuiltinModule('node:sea').isSea();
}

/** Starts a thread without the flags of this one: its `--import` and `--require` hooks belong to the application. */
export function startThread(name: ProgramName): Worker {
  return new Worker(programText(name), { eval: true, name: 'safe-sqlite', execArgv: [] });
}

export interface ProcessOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Flags of Node. */
  readonly flags?: readonly string[];
  /** Appended to `process.argv` of the program. */
  readonly arguments?: readonly string[];
  /** Standard input, output and error. The channel of `process.send` follows them. */
  readonly stdio: readonly [IOType | number, IOType | number, IOType | number];
  readonly serialization?: 'json' | 'advanced';
}

/**
 * Returns a program that receives its text as the first message: on Windows a command line is limited to 32 767
 * characters. The name of the file is shown by `ps`.
 */
function receiver(name: ProgramName): string {
  // Includes the module loader, with which a program may import a module of the application.
  return `process.once('message', text => {
    const { runInThisContext, constants } = process.getBuiltinModule('node:vm');
    const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    runInThisContext(text, { filename: 'safe-sqlite-${name}.js', importModuleDynamically });
  })`;
}

/** Starts a process; failures are reported as its events. Its channel does not keep this process alive. */
export function startProcess(name: ProgramName, options: ProcessOptions): ChildProcess {
  const { env, flags = [], arguments: given = [], stdio, serialization = 'json' } = options;
  // Before the process: a module that cannot be loaded, as in a Jest environment that was torn down, leaves no process behind.
  const text = programText(name);
  // Loaded lazily: most applications start no process.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(process.execPath, [...flags, '-e', receiver(name), ...given], {
    env,
    serialization,
    stdio: [...stdio, 'ipc'],
    windowsHide: true,
  });
  // If it could not be started, `error` reports that.
  if (child.connected) child.send(text, () => {});
  child.channel?.unref();
  return child;
}

/**
 * Returns the program with its dependencies in front: a `require` that is independent of where and how the text runs,
 * and its own text, with which it starts a thread.
 */
export function programText(name: ProgramName): string {
  const { text } = loadProgram(name);
  const main = JSON.stringify(betterSqlite3File());
  return `(function safeSqliteProgram(main) {
const from = process.getBuiltinModule('node:module').createRequire(main ?? process.execPath);
const require = id => from(id === 'better-sqlite3' ? main : id);
const safeSqliteProgramText = \`(\${safeSqliteProgram})(\${JSON.stringify(main)})\`;
${text}
})(${main})`;
}

const loaded = new Map<ProgramName, { readonly text: string }>();

/** Kept: after the tests of a file, Jest refuses to load even what was loaded before. */
function loadProgram(name: ProgramName): { readonly text: string } {
  const known = loaded.get(name);
  if (known !== undefined) return known;
  const program = requireProgram(name);
  loaded.set(name, program);
  return program;
}

/** Uses a literal name for each, which bundlers can see. */
function requireProgram(name: ProgramName): { readonly text: string } {
  if (name === 'worker') return require('#programs/worker') as { text: string };
  if (name === 'reader') return require('#programs/reader') as { text: string };
  return require('#programs/doctor') as { text: string };
}
