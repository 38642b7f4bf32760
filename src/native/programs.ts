/**
 * Starts the programs of this package that run beside the application: in a thread, or in a process.
 *
 * Their code is carried as text, each program in one piece that asks for nothing but Node's modules and better-sqlite3.
 * A file beside this one would be lost wherever a bundler, a tracer of files or an archive (Yarn's zip, Electron's asar)
 * puts the code elsewhere; a text goes where the code goes (docs/decisions/0008). Each program gets the better-sqlite3
 * that this thread has loaded, by its path: another file would be another copy of SQLite.
 */
import type { ChildProcess, IOType } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { isNextTickReplaced } from '../base/clock';
import { betterSqlite3File } from './loaded-modules';

/** `worker`: jobs, in a thread or a process. `reader`: reads of an application. `doctor`: looks, and opens no database. */
export type ProgramName = 'worker' | 'reader' | 'doctor';

/** Why a program cannot run here, and what mends that. */
export interface ProgramObstacle {
  /**
   * - `permission`: the permission model of Node forbids it
   * - `bundled`: better-sqlite3 is part of the bundle
   * - `single-executable`: the executable of this process is the application, not Node
   * - `fake-timers`: a test runner has replaced `process.nextTick`, without which no message of a process arrives
   */
  readonly kind: 'permission' | 'bundled' | 'single-executable' | 'fake-timers';
  /** A sentence without its full stop. */
  readonly reason: string;
  /** What to change, as it is to be written. */
  readonly remedy: string;
}

/** Null where a program can run in a thread. */
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

/** Null where a program can run in a process. */
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
  // It is there with --permission only, whatever the types say.
  const permission = process.permission as typeof process.permission | undefined;
  return permission === undefined || permission.has(scope);
}

function isSingleExecutable(): boolean {
  return process.getBuiltinModule('node:sea').isSea();
}

/** Starts a thread. Without the flags of this one: its `--import` and `--require` hooks are about the application. */
export function startThread(name: ProgramName): Worker {
  return new Worker(programText(name), { eval: true, name: 'safe-sqlite', execArgv: [] });
}

export interface ProcessOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Flags of Node. */
  readonly flags?: readonly string[];
  /** What the program finds at the end of `process.argv`. */
  readonly arguments?: readonly string[];
  /** Standard input, output and error. The channel of `process.send` comes behind them. */
  readonly stdio: readonly [IOType | number, IOType | number, IOType | number];
  readonly serialization?: 'json' | 'advanced';
}

/**
 * Receives the text of the program as the first message: on Windows a command line holds 32 767 characters. The name of
 * the file is what `ps` shows.
 */
function receiver(name: ProgramName): string {
  // With the loader of modules, by which a program may import one of the application.
  return `process.once('message', text => {
    const { runInThisContext, constants } = process.getBuiltinModule('node:vm');
    const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;
    runInThisContext(text, { filename: 'safe-sqlite-${name}.js', importModuleDynamically });
  })`;
}

/** Starts a process; what goes wrong is an event of it. Its channel does not keep this process alive. */
export function startProcess(name: ProgramName, options: ProcessOptions): ChildProcess {
  const { env, flags = [], arguments: given = [], stdio, serialization = 'json' } = options;
  // Loaded here, because most applications start none.
  const { spawn } = process.getBuiltinModule('node:child_process');
  const child = spawn(process.execPath, [...flags, '-e', receiver(name), ...given], {
    env,
    serialization,
    stdio: [...stdio, 'ipc'],
    windowsHide: true,
  });
  // Where it could not be started, `error` says so.
  if (child.connected) child.send(programText(name), () => {});
  child.channel?.unref();
  return child;
}

/**
 * The program with what it needs in front: no `require` that depends on where or how the text is run, and its own text,
 * with which it starts a thread beside itself.
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

/** Each by a literal name, which is what bundlers see. */
function loadProgram(name: ProgramName): { readonly text: string } {
  if (name === 'worker') return require('#programs/worker') as { text: string };
  if (name === 'reader') return require('#programs/reader') as { text: string };
  return require('#programs/doctor') as { text: string };
}
