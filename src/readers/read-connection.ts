/**
 * Opens the connection of a reader: read-only, verified to be on the right file, prepared by the application's module.
 */
import { pathToFileURL } from 'node:url';
import { errorCode, errorMessage } from '../base/foreign-error';
import { openForJob, verifyPragma } from '../maintenance/job-connection';
import type { NativeDatabase } from '../native/better-sqlite3';
import type { ReaderSettings } from './messages';

type Native = NativeDatabase.Database;

/** The module of `readers.setup` could not be loaded, or failed. */
export class SetupError extends Error {
  readonly module: string;

  constructor(module: string, cause: unknown) {
    super(errorMessage(cause), { cause });
    this.module = module;
  }
}

/** Throws SQLite's errors, `FileReplacedError` and `SetupError`; nothing stays open then. */
export async function openReadConnection(settings: ReaderSettings): Promise<Native> {
  const { target, busyTimeoutMs } = settings;
  const db = openForJob(target, { access: 'read-only', busyTimeoutMs, synchronous: 'full' });
  try {
    return await prepareConnection(db, settings);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** Sets the protections of a read-only connection, and lets the application's module register its functions. */
export async function prepareConnection(db: Native, { setup }: Pick<ReaderSettings, 'setup'>): Promise<Native> {
  verifyPragma(db, 'cell_size_check', 1);
  if (setup !== null) await runSetup(db, setup);
  // After the module, whatever it needs or has set: views may call functions of the application.
  verifyPragma(db, 'trusted_schema', setup === null ? 0 : 1);
  verifyPragma(db, 'query_only', 1);
  return db;
}

async function runSetup(db: Native, setup: string): Promise<void> {
  try {
    const run = functionOf(await load(setup));
    if (run === null) throw new TypeError('it exports no function: neither `default` nor `setup`');
    await run(db);
  } catch (cause) {
    throw new SetupError(setup, cause);
  }
}

/** By the loaders of Node: the path is outside of a bundle, whose bundler would replace `require` and `import`. */
async function load(path: string): Promise<unknown> {
  const { createRequire } = process.getBuiltinModule('node:module');
  try {
    return createRequire(path)(path) as unknown;
  } catch (error) {
    // A module with top-level await cannot be required.
    if (errorCode(error) !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    return import(/* webpackIgnore: true */ /* @vite-ignore */ pathToFileURL(path).href);
  }
}

type Setup = (db: Native) => unknown;

function functionOf(module: unknown): Setup | null {
  if (typeof module === 'function') return module as Setup;
  if (typeof module !== 'object' || module === null) return null;
  const exported: unknown = Reflect.get(module, 'default') ?? Reflect.get(module, 'setup');
  // The result of importing `export default` that TypeScript compiled to CommonJS.
  const inner: unknown =
    typeof exported === 'object' && exported !== null ? Reflect.get(exported, 'default') : exported;
  return typeof inner === 'function' ? (inner as Setup) : null;
}
