/** Wraps the covered calls of `fs`, of `fs.promises` and of loaded copies of `fs` with a judge, and unwraps them. */
import fs from 'node:fs';
import { isProxy } from 'node:util/types';
import { setImmediate } from '../base/clock';
import { loadedExports } from '../native/module-cache';
import { coveredCalls, deletingCalls } from './covered-calls';
import type { CoveredCall, Judge } from './judges';

type Call = (this: unknown, ...args: unknown[]) => unknown;
/** `either`: by a callback, or without one by a promise. */
type Style = 'sync' | 'callback' | 'promise' | 'either';

interface Guarded {
  readonly call: Call;
  /** Makes it a plain passage: those who took it out of the module keep it. */
  readonly off: () => void;
}

/** Wraps every covered call; the returned function restores those that have not been replaced since. */
export function wrapFs(judge: Judge): () => void {
  const undo: (() => void)[] = [];
  // Before the functions are replaced that they are known by.
  const copies = copiesOfFs();
  for (const name of [...Object.keys(coveredCalls), ...deletingCalls]) {
    undo.push(replace(judge, fs, name, 'fs.', name === 'openAsBlob' ? 'promise' : 'callback'));
    undo.push(replace(judge, fs, `${name}Sync`, 'fs.', 'sync'));
    undo.push(replace(judge, fs.promises, name, 'fs.promises.', 'promise'));
    for (const copy of copies) {
      undo.push(replace(judge, copy, name, 'fs.', 'either'), replace(judge, copy, `${name}Sync`, 'fs.', 'sync'));
    }
  }
  for (const copy of copies) {
    for (const name of ['createReadStream', 'createWriteStream'] as const) undo.push(replaceStream(judge, copy, name));
  }
  return () => {
    for (const restore of undo) restore();
  };
}

/**
 * The modules that have taken the functions of `fs` over before they were wrapped, as graceful-fs and fs-extra do when they are
 * loaded. Those that are loaded later take over the wrapped ones. No getter of another module is called.
 */
function copiesOfFs(): readonly object[] {
  const known = ['openSync', 'readFileSync'] as const;
  return loadedExports().filter(
    exports =>
      exports !== fs &&
      !isProxy(exports) &&
      known.every(name => Reflect.getOwnPropertyDescriptor(exports, name)?.value === fs[name]),
  );
}

/** A copy may open its streams by a function that it keeps to itself; those of `fs` fail with the refusal. */
function replaceStream(judge: Judge, module: object, name: 'createReadStream' | 'createWriteStream'): () => void {
  const covered = coveredCalls[name === 'createReadStream' ? 'open' : 'writeFile'] ?? [];
  const call: CoveredCall = { name: `fs.${name}`, covered, waits: false, copiesTrees: false, deletes: false };
  return replaceBy(module, name, original => {
    let active = true;
    function stream(this: unknown, ...args: unknown[]): unknown {
      const refused = active && judge.call(call, args) !== null;
      return Reflect.apply(refused ? (fs[name] as Call) : original, refused ? fs : this, args);
    }
    return { call: stream, off: () => void (active = false) };
  });
}

function replace(judge: Judge, module: object, name: string, prefix: string, style: Style): () => void {
  const base = style === 'sync' ? name.slice(0, -'Sync'.length) : name;
  const covered: CoveredCall = {
    name: prefix + name,
    covered: coveredCalls[base] ?? [],
    waits: style === 'sync',
    copiesTrees: base === 'cp',
    deletes: deletingCalls.includes(base),
  };
  return replaceBy(module, name, original => guard(judge, original, covered, style));
}

function replaceBy(module: object, name: string, wrap: (original: Call) => Guarded): () => void {
  const original: unknown = Reflect.get(module, name);
  if (typeof original !== 'function') return () => {};
  const guarded = wrap(original as Call);
  // Name, length and what others hang on functions of fs, such as util.promisify.custom.
  Object.defineProperties(guarded.call, Object.getOwnPropertyDescriptors(original));
  Reflect.set(module, name, guarded.call);
  return () => {
    guarded.off();
    if (Reflect.get(module, name) === guarded.call) Reflect.set(module, name, original);
  };
}

/** A call that asks the judge first. */
function guard(judge: Judge, original: Call, covered: CoveredCall, style: Style): Guarded {
  let active = true;
  // Nearly every call names one path, which was judged before.
  const onePath = covered.covered.length === 1 && covered.covered[0]?.index === 0;
  function call(this: unknown, ...args: unknown[]): unknown {
    const [path] = args;
    if (onePath && typeof path === 'string' && judge.isPlain(path, covered.waits))
      return Reflect.apply(original, this, args);
    const refused = active ? ask(judge, covered, args) : null;
    if (refused === null) return Reflect.apply(original, this, args);
    if (style === 'sync') throw refused;
    if (style === 'promise') return Promise.reject(refused);
    const callback = args.at(-1);
    if (typeof callback !== 'function') {
      // Without a callback `fs` throws a TypeError of its own, and does nothing; a copy may return a promise.
      return style === 'either' ? Promise.reject(refused) : Reflect.apply(original, this, args);
    }
    setImmediate(() => Reflect.apply(callback, undefined, [refused]));
    return undefined;
  }
  return { call, off: () => void (active = false) };
}

/** An error of the judge itself reaches the caller as every error of the call does, not by a throw of a promise's function. */
function ask(judge: Judge, call: CoveredCall, args: readonly unknown[]): Error | null {
  try {
    return judge.call(call, args);
  } catch (error) {
    return error as Error;
  }
}
