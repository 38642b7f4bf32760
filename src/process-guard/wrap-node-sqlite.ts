/** Keeps `node:sqlite`, a second copy of SQLite, away from databases that are open through better-sqlite3. */
import { registerHooks, syncBuiltinESMExports, type ResolveHookSync } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isProxy } from 'node:util/types';
import { nodeSqliteLoaded } from '../proc/loaded-copies';
import { namedFiles } from '../sql/named-files';
import { isUrl, pathOf } from './judge-call';
import type { Judge } from './judges';

type Call = (this: unknown, ...args: unknown[]) => unknown;
type Constructor = new (...args: unknown[]) => object;

/**
 * Wraps `DatabaseSync` and `backup` of `node:sqlite` without loading it: it is wrapped when the application first
 * imports it. Loading it prints a warning in Node 22.
 */
export function wrapNodeSqlite(judge: Judge): () => void {
  const getBuiltin = Reflect.get(process, 'getBuiltinModule') as Call;
  let restore: (() => void) | null = null;
  const wrap = (): void => {
    if (restore !== null) return;
    const sqlite = Reflect.apply(getBuiltin, process, ['node:sqlite']) as object | undefined;
    restore = sqlite === undefined ? null : wrapModule(judge, sqlite);
  };
  const hooks = hookResolution(wrap);
  if (nodeSqliteLoaded() || hooks === null) wrap();
  const unwatch = replaceProperty(process, 'getBuiltinModule', () => {
    return function getBuiltinModule(this: unknown, ...args: unknown[]) {
      if (args[0] === 'node:sqlite') wrap();
      return Reflect.apply(getBuiltin, this, args);
    };
  });
  return () => {
    hooks?.deregister();
    unwatch();
    restore?.();
  };
}

/** Null where Node cannot tell when a module is asked for: before 22.15, and in Jest, whose `registerHooks` throws. */
function hookResolution(wrap: () => void): { deregister(): void } | null {
  if (typeof registerHooks !== 'function') return null;
  try {
    return registerHooks({ resolve: beforeSqlite(wrap) });
  } catch {
    return null;
  }
}

function beforeSqlite(wrap: () => void): ResolveHookSync {
  return (specifier, context, next) => {
    if (specifier === 'node:sqlite') wrap();
    return next(specifier, context);
  };
}

function wrapModule(judge: Judge, sqlite: object): () => void {
  let active = true;
  const refuse = (call: string, value: unknown): void => {
    const path = active ? databasePath(value) : null;
    const refused = path === null ? null : judge.database(call, path);
    if (refused !== null) throw refused;
  };
  const paths = new WeakMap<object, unknown>();
  const undo = [
    replaceProperty(sqlite, 'DatabaseSync', original => guardClass(original as Constructor, paths, refuse)),
    replaceProperty(prototypeOf(sqlite), 'open', original => {
      const open = original as Call;
      // A database constructed with `open: false` opens later, when the file may be in use.
      return function openGuarded(this: object) {
        refuse('DatabaseSync.prototype.open', paths.get(this));
        return Reflect.apply(open, this, []);
      };
    }),
    ...(['exec', 'prepare'] as const).map(name =>
      replaceProperty(prototypeOf(sqlite), name, original => {
        const call = original as Call;
        // A database that was opened on another file reaches this one by ATTACH and VACUUM INTO.
        return function textGuarded(this: unknown, ...args: unknown[]) {
          const [sql] = args;
          if (typeof sql === 'string') {
            for (const file of namedFiles(sql)) refuse(`DatabaseSync.prototype.${name}`, file);
          }
          return Reflect.apply(call, this, args);
        };
      }),
    ),
    replaceProperty(sqlite, 'backup', original => {
      const backup = original as Call;
      return function backupGuarded(this: unknown, ...args: unknown[]) {
        try {
          refuse('backup', args[1]);
        } catch (refused) {
          return Promise.reject(refused as Error);
        }
        return Reflect.apply(backup, this, args);
      };
    }),
  ];
  syncBuiltinESMExports();
  return () => {
    active = false;
    for (const restore of undo) restore();
    syncBuiltinESMExports();
  };
}

/** A proxy, which preserves `instanceof`, subclasses and static members. */
function guardClass(
  original: Constructor,
  paths: WeakMap<object, unknown>,
  refuse: (call: string, path: unknown) => void,
): Constructor {
  return new Proxy(original, {
    construct(target, args: unknown[], newTarget) {
      refuse('new DatabaseSync', args[0]);
      const database = Reflect.construct(target, args, newTarget) as object;
      paths.set(database, args[0]);
      return database;
    },
  });
}

function prototypeOf(sqlite: object): object {
  const { DatabaseSync } = sqlite as { readonly DatabaseSync: Constructor };
  return DatabaseSync.prototype as object;
}

function replaceProperty(module: object, name: string, guarded: (original: unknown) => object): () => void {
  const original: unknown = Reflect.get(module, name);
  if (typeof original !== 'function') return () => {};
  const replacement = guarded(original);
  if (typeof replacement === 'function' && !isProxy(replacement)) {
    Object.defineProperties(replacement, Object.getOwnPropertyDescriptors(original));
  }
  Reflect.set(module, name, replacement);
  return () => {
    if (Reflect.get(module, name) === replacement) Reflect.set(module, name, original);
  };
}

/** `node:sqlite` takes paths, URLs, and URIs as text (sqlite.org/uri.html). */
function databasePath(value: unknown): string | null {
  if (typeof value === 'string' && value.startsWith('file:')) return uriPath(value);
  return pathOf(isUrl(value) ? new URL(value.pathname, value.href) : value);
}

function uriPath(uri: string): string | null {
  const path = uri.slice('file:'.length).split(/[?#]/, 1)[0] ?? '';
  try {
    return path.startsWith('//') ? fileURLToPath(`file:${path}`) : decodeURIComponent(path);
  } catch {
    return null;
  }
}
