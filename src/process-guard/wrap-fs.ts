/** Wraps the covered calls of `fs` and `fs.promises` with a judge, and unwraps them. */
import fs from 'node:fs';
import { setImmediate } from '../base/clock';
import { coveredCalls } from './covered-calls';
import type { CoveredCall, Judge } from './judges';

type Call = (this: unknown, ...args: unknown[]) => unknown;
type Style = 'sync' | 'callback' | 'promise';

/** Wraps every covered call; the returned function restores those that have not been replaced since. */
export function wrapFs(judge: Judge): () => void {
  const undo: (() => void)[] = [];
  for (const name of Object.keys(coveredCalls)) {
    undo.push(replace(judge, fs, name, 'fs.', name === 'openAsBlob' ? 'promise' : 'callback'));
    undo.push(replace(judge, fs, `${name}Sync`, 'fs.', 'sync'));
    undo.push(replace(judge, fs.promises, name, 'fs.promises.', 'promise'));
  }
  return () => {
    for (const restore of undo) restore();
  };
}

function replace(judge: Judge, module: object, name: string, prefix: string, style: Style): () => void {
  const original: unknown = Reflect.get(module, name);
  if (typeof original !== 'function') return () => {};
  const base = style === 'sync' ? name.slice(0, -'Sync'.length) : name;
  const covered: CoveredCall = {
    name: prefix + name,
    covered: coveredCalls[base] ?? [],
    waits: style === 'sync',
    copiesTrees: base === 'cp',
  };
  const guarded = guard(judge, original as Call, covered, style);
  Reflect.set(module, name, guarded.call);
  return () => {
    guarded.off();
    if (Reflect.get(module, name) === guarded.call) Reflect.set(module, name, original);
  };
}

/** Returns the guarded call, which stays with code that took it out of the module; `off` makes it pass everything. */
function guard(judge: Judge, original: Call, covered: CoveredCall, style: Style): { call: Call; off: () => void } {
  let active = true;
  // Nearly every call names one path, which was judged before.
  const onePath = covered.covered.length === 1 && covered.covered[0]?.index === 0;
  function call(this: unknown, ...args: unknown[]): unknown {
    const [path] = args;
    if (onePath && typeof path === 'string' && judge.isPlain(path)) return Reflect.apply(original, this, args);
    const refused = active ? judge.call(covered, args) : null;
    if (refused === null) return Reflect.apply(original, this, args);
    if (style === 'sync') throw refused;
    if (style === 'promise') return Promise.reject(refused);
    const callback = args.at(-1);
    // Without a callback `fs` throws a TypeError of its own; the call does nothing then.
    if (typeof callback !== 'function') return Reflect.apply(original, this, args);
    setImmediate(() => Reflect.apply(callback, undefined, [refused]));
    return undefined;
  }
  // Name, length and properties that others attach to functions of fs, such as util.promisify.custom.
  Object.defineProperties(call, Object.getOwnPropertyDescriptors(original));
  return { call, off: () => void (active = false) };
}
